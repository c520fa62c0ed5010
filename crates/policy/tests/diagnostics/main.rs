//! What an operator reads when a file is wrong: every problem at once, each with its place.

mod cases;
mod config;
mod excepting;
mod limits;
mod meant;
mod networks;
mod nothing;
mod order;
mod other_ways;
mod permits;
mod rules;
mod shown;
mod values;

use weir_policy::{Config, Policy, SourceText};

/// What checking one pack against the default configuration says.
fn pack(text: &str) -> String {
    let source = SourceText::new("site.toml", text);
    Policy::check(&Config::default(), &[source]).1.render()
}

/// A rule of a pack.
fn rule(id: &str, conditions: &str, action: &str) -> String {
    format!("[[rule]]\nid = \"{id}\"\nmatch = {{ {conditions} }}\naction = \"{action}\"\n")
}

fn config(text: &str) -> String {
    Config::check(&SourceText::new("weir.toml", text))
        .1
        .render()
}

/// The first line of each finding, without the file's name.
fn headlines(rendered: &str) -> Vec<&str> {
    rendered
        .lines()
        .filter_map(|line| {
            let rest = line
                .strip_prefix("site.toml:")
                .or(line.strip_prefix("weir.toml:"))?;
            Some(rest)
        })
        .collect()
}
