//! Prints rules/REFERENCE.md.

fn main() {
    print!("{}", weir_policy::reference::markdown());
}
