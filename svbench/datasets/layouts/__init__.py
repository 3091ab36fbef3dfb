"""How the files of published data sets are arranged on disk, one module per layout."""
