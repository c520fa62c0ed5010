//! Prints ten thousand rules of ten kinds, each with a case that it stops and one that it doesn't: what
//! `weir check` takes for a large site.

#[path = "../benches/packs/cases.rs"]
mod cases;

const RULES: usize = 10_000;

fn main() {
    print!("{}", cases::text(RULES));
}
