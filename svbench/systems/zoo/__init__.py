"""Networks of the literature, rebuilt from papers and their authors' code.

There is one file per architecture, beside `separator` and the layers that several of them share. Each
architecture offers ``SIZES``, the keywords of the published sizes, and
``build(size, targets, **settings)``, which gives a `svbench.systems.zoo.separator.Separator`.
Every module here imports PyTorch, so only the adapter ``zoo``, in its worker, may import them.
"""
