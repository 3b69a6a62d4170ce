"""Coming from elsewhere: files are read whole, weighed against what is here, and only then kept.

`files` and its readers turn bytes into facts; `weighing` says what would become of each; `keeping` makes it so.
Nothing in this room announces, promises or reminds.
"""
