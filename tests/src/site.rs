//! A site of its own for one test: its own root, name, bridge and subnet; gone when dropped.
