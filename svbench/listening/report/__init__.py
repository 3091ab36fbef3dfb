"""The report of a listening test as ITU-R BS.1534-3, § 10.2 wants it: HTML, LaTeX, CSV and JSON.

Every number stands in a table (`tables`) that all forms print; `build` puts tables, drawings (`figures`) and
facts about the test (`facts`) in order, `write` makes the files.
"""
