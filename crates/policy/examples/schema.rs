//! Prints rules/pack.schema.json.

#[path = "../tests/schema/pack.rs"]
mod pack;

fn main() {
    print!("{}", pack::schema());
}
