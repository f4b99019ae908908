"""The command line: one file a command; each parses, calls the library, and prints.

Commands import the library's heavy parts when they run, so that ``songnet --help`` answers at once.
"""
