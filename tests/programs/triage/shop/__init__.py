"""A small application with two dozen defects, for the corpus of tests/tools/triage_corpus.py."""
