//! How a thing is, and what comes first.

use std::cmp::Ordering;

use super::Row;

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing left.
    Expired,
    /// Very little left.
    Critical,
    /// Little left.
    Warning,
    /// Enough left.
    Ok,
    /// A place is bad.
    Problem,
    /// A place is odd, and works.
    Odd,
}

/// An order of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sort {
    /// What is compared first.
    pub by: Column,
    /// Whether the largest comes first.
    pub descending: bool,
}

/// What can be compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Column {
    /// The end; what has none comes last.
    #[default]
    Expires,
    /// Whom it names.
    Subject,
    /// Where it is.
    Place,
}

// === impl State ===

impl State {
    /// All, in the order of their importance.
    pub const ALL: [Self; 6] = [
        Self::Expired,
        Self::Critical,
        Self::Warning,
        Self::Ok,
        Self::Problem,
        Self::Odd,
    ];

    /// Whether it is that of something with a date.
    pub const fn is_dated(self) -> bool {
        !matches!(self, Self::Problem | Self::Odd)
    }

    /// As a parameter has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Ok => "ok",
            Self::Problem => "problem",
            Self::Odd => "odd",
        }
    }
}

// === impl Sort ===

impl Sort {
    /// All orders.
    pub const ALL: [Self; 6] = [
        Self::new(Column::Expires, false),
        Self::new(Column::Expires, true),
        Self::new(Column::Subject, false),
        Self::new(Column::Subject, true),
        Self::new(Column::Place, false),
        Self::new(Column::Place, true),
    ];

    /// An order.
    pub const fn new(by: Column, descending: bool) -> Self {
        Self { by, descending }
    }

    /// As a parameter has it.
    pub const fn as_str(self) -> &'static str {
        match (self.by, self.descending) {
            (Column::Expires, false) => "expires",
            (Column::Expires, true) => "-expires",
            (Column::Subject, false) => "subject",
            (Column::Subject, true) => "-subject",
            (Column::Place, false) => "place",
            (Column::Place, true) => "-place",
        }
    }

    /// No two rows are equal, and two rows never change their order while they stay.
    pub(super) fn compare(self, one: &Row<'_>, other: &Row<'_>) -> Ordering {
        let ends = |row: &Row<'_>| row.item.ends().unwrap_or(i64::MAX);
        let (at, other_at) = (&one.held.location, &other.held.location);
        let first = match self.by {
            Column::Expires => ends(one).cmp(&ends(other)),
            Column::Subject => {
                let [one, other] = [one, other].map(|row| row.item.heading());
                let [lower, other_lower] =
                    [one, other].map(|text| text.bytes().map(|octet| octet.to_ascii_lowercase()));
                lower.cmp(other_lower).then_with(|| one.cmp(other))
            }
            Column::Place => at.cmp(other_at),
        };
        let first = if self.descending {
            first.reverse()
        } else {
            first
        };
        first
            .then_with(|| ends(one).cmp(&ends(other)))
            .then_with(|| one.item.rank().0.cmp(&other.item.rank().0))
            .then_with(|| at.cmp(other_at))
            .then_with(|| one.item.rank().cmp(&other.item.rank()))
            .then_with(|| one.item.heading().cmp(other.item.heading()))
    }
}
