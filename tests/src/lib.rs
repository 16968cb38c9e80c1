//! The tests of the whole system stand in `system/`; this package has no code of its own.
