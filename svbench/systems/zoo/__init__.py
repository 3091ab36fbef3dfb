"""Networks of the literature, built anew from papers and their authors' code.

One file per architecture. Each offers ``SIZES``, the keywords of the published sizes, and
``build(size, targets, **settings)``, which gives a `svbench.systems.zoo.separator.Separator`.
PyTorch is imported by every module here, so only the adapter ``zoo``, in its worker, may import them.
"""
