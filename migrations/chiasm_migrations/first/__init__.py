"""The tables of revision 0001, a module for each part of the catalog; frozen, as a revision is."""
