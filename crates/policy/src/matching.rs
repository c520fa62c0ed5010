//! The conditions of a rule: read from its `match`, and asked of a subject.
//!
//! Every condition is prepared while compiling: sets of addresses are sorted, globs cut into
//! pieces, names turned into bits. What can be said of a message by its kind alone is a
//! [`Scope`], so that a message is only shown to rules that could match it.

mod across;
mod addresses;
mod asked;
mod carried;
mod compare;
mod condition;
mod contain;
mod entry;
mod extent;
mod flag;
mod glob;
mod hello;
mod join;
mod key;
mod list;
mod measure;
mod meet;
mod name;
mod names;
mod narrow;
mod numbers;
mod option;
mod path;
mod pattern;
mod payload;
mod prefix;
mod property;
mod read;
mod reasons;
mod resolved;
mod scope;
mod set;
mod time;
mod told;
mod value;

pub(crate) use across::may_begin;
pub(crate) use addresses::Networks;
pub(crate) use asked::{Asked, Effect, Part, has_parts, parts};
pub(crate) use condition::{Condition, FilterCondition, Identity, Party};
pub(crate) use entry::{Zones, code_number, methods, name, service_names};
pub(crate) use extent::Extent;
pub(crate) use flag::Flag;
pub(crate) use glob::Glob;
pub(crate) use key::{Entry, Field, JsonLook, Look, Place};
pub(crate) use measure::Measure;
pub(crate) use name::NamePattern;
pub(crate) use names::Names;
pub(crate) use numbers::{Bounds, Numbers};
pub(crate) use option::names as option_names;
pub(crate) use pattern::{Pattern, Relation};
pub(crate) use payload::{
    Expression, ExpressionBounds, PayloadCondition, Pointer, Range, Real, Tree as JsonTree,
    TreeBuilder as JsonTreeBuilder, Value as JsonValue, any_reading, fuzz_json,
};
pub(crate) use prefix::delayed;
pub(crate) use property::{PropertyCondition, forms as property_forms, name as property_name};
pub(crate) use read::{Matching, matching};
pub(crate) use reasons::ReasonSet;
pub(crate) use resolved::Resolved;
pub(crate) use scope::{BUCKETS, CodeClass, Scope};
pub(crate) use set::Set;
pub(crate) use told::{
    filters as filters_of, known_topic as topic_of, payload_in_5, whole_payload as payload_of,
};
pub(crate) use value::Test;
