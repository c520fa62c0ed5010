//! Sets of values of which there are few: a bit each.

use wire::coap::{Code, Type};
use wire::hello;
use wire::mqtt::{QoS, Version};

use crate::Service;

/// A set of values of a small enum, one bit each.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Set<T> {
    bits: u8,
    of: std::marker::PhantomData<T>,
}

/// Enums with few enough values for a [`Set`].
pub(crate) trait Small: Copy + 'static {
    fn bit(self) -> u8;
}

/// A set of octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Octets([u64; 4]);

/// A set of CoAP codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Codes(pub(super) Octets);

impl<T: Small> Set<T> {
    pub(crate) const EMPTY: Self = Self {
        bits: 0,
        of: std::marker::PhantomData,
    };

    pub(crate) fn insert(&mut self, value: T) {
        self.bits |= value.bit();
    }

    pub(crate) fn contains(&self, value: T) -> bool {
        self.bits & value.bit() != 0
    }

    /// Whether one of these values of it is such.
    pub(crate) fn has(&self, all: &[T], is_such: impl Fn(T) -> bool) -> bool {
        all.iter()
            .any(|value| self.contains(*value) && is_such(*value))
    }

    pub(super) fn or(&self, other: &Self) -> Self {
        Self {
            bits: self.bits | other.bits,
            ..Self::EMPTY
        }
    }

    pub(super) fn is_subset(&self, of: &Self) -> bool {
        self.bits & !of.bits == 0
    }

    pub(super) fn is_apart_from(&self, other: &Self) -> bool {
        self.bits & other.bits == 0
    }
}

impl<T> Clone for Set<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Set<T> {}

impl<T: Small> FromIterator<T> for Set<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let mut set = Self::EMPTY;
        values.into_iter().for_each(|value| set.insert(value));
        set
    }
}

impl Small for Service {
    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Small for Version {
    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Small for hello::Version {
    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Small for QoS {
    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Small for Type {
    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Set<Type> {
    pub(crate) fn is_only_reset(&self) -> bool {
        self.bits == Type::Reset.bit()
    }

    pub(crate) fn is_of_answers(&self) -> bool {
        self.bits & (Type::Confirmable.bit() | Type::NonConfirmable.bit()) == 0
    }
}

impl Octets {
    pub(crate) fn contains(&self, octet: u8) -> bool {
        self.0[usize::from(octet / 64)] & (1 << (octet % 64)) != 0
    }

    pub(super) fn is_subset(&self, of: &Self) -> bool {
        self.0
            .iter()
            .zip(of.0)
            .all(|(mine, theirs)| mine & !theirs == 0)
    }

    pub(super) fn is_apart_from(&self, other: &Self) -> bool {
        self.0
            .iter()
            .zip(other.0)
            .all(|(mine, theirs)| mine & theirs == 0)
    }
}

impl FromIterator<u8> for Octets {
    fn from_iter<I: IntoIterator<Item = u8>>(octets: I) -> Self {
        let mut set = Self::default();
        for octet in octets {
            set.0[usize::from(octet / 64)] |= 1 << (octet % 64);
        }
        set
    }
}

impl Codes {
    pub(crate) fn contains(&self, code: Code) -> bool {
        self.0.contains(code.0)
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Code> {
        Self::all().filter(|code| self.contains(*code))
    }

    /// Every code there could be.
    pub(crate) fn all() -> impl Iterator<Item = Code> {
        (0..=u8::MAX).map(Code)
    }
}

impl FromIterator<Code> for Codes {
    fn from_iter<I: IntoIterator<Item = Code>>(codes: I) -> Self {
        Self(codes.into_iter().map(|code| code.0).collect())
    }
}
