//! The books of bytes: what went towards whom, and who has proved what.

pub(super) mod allowance;
pub(super) mod budget;
pub(super) mod meters;
pub(super) mod own_books;
pub(super) mod proven;
pub(super) mod size;
pub(super) mod window;
