//! Whole packs, as a reload reads them: each mix, and what a rule may have beside its conditions.

use crate::mixes::MIXES;

mod cases;

/// A pack of so many rules of each kind, with the kind's name.
pub(crate) fn packs(rules: usize) -> impl Iterator<Item = (&'static str, String)> {
    let mixes = MIXES.iter().map(move |mix| (mix.name, mix.text(rules)));
    let plain = |name: &str| {
        let mut mixes = MIXES.iter();
        let mix = mixes.find(|mix| mix.name == name).expect("a known mix");
        mix.text(rules)
    };
    let drops = "action = \"drop\"\n";
    let limits = plain("topics").replace(
        drops,
        "action = \"drop\"\nlimit = { count = 100, window = \"1m\", per = \"client\" }\n",
    );
    // Every other rule lets through: each is compared with those that stop.
    let mut turn = 0;
    let opposed = plain("coap paths, any depth");
    let opposed = opposed.split_inclusive(drops).map(|rule| {
        turn += 1;
        match turn % 2 {
            0 => rule.to_owned(),
            _ => rule.replace(drops, "action = \"accept\"\n"),
        }
    });
    let opposed = opposed.collect();
    mixes.chain([
        ("limits", limits),
        ("coap paths, every other accepts", opposed),
        ("mixed, two cases each", cases::text(rules)),
    ])
}
