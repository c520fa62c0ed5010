//! Words of rule packs that no type here has for its own: for what is made from them, as the schema.

use crate::matching;

/// Request methods of CoAP.
pub fn methods() -> impl Iterator<Item = &'static str> {
    matching::methods().iter().map(|(name, _)| *name)
}

/// Options of CoAP.
pub fn options() -> impl Iterator<Item = String> {
    matching::option_names().into_iter().map(|(name, _)| name)
}

/// What rules call the property of MQTT 5.0 with this identifier.
#[must_use]
pub fn property(id: u8) -> Option<&'static str> {
    matching::property_name(id)
}

/// Properties of MQTT 5.0, and what is asked of each: a `flag`, a `number`, a `text`, a `table` of texts.
pub fn properties() -> impl Iterator<Item = (&'static str, &'static str)> {
    matching::property_forms()
}
