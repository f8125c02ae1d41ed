//! Counts what the process allocates, and keeps the book of figures and limits.

use std::alloc::System;
use std::fmt::Display;
use std::process::ExitCode;

use peakmem_alloc::{PeakMemAlloc, PeakMemAllocTrait};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static MEMORY: PeakMemAlloc<&StatsAlloc<System>> = PeakMemAlloc::new(&INSTRUMENTED_SYSTEM);

/// What some work cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// How often memory was asked for, more of it for what stood there already included.
    pub(crate) allocations: usize,
    /// How many bytes, in all.
    pub(crate) bytes: usize,
    /// How many bytes more are held after it than before; what came out of the work included.
    pub(crate) held: usize,
    /// How many bytes more were held at one time than before.
    pub(crate) peak: usize,
}

/// Counts from here on.
pub(crate) struct Meter(Region<'static, System>);

impl Meter {
    pub(crate) fn start() -> Self {
        MEMORY.reset_peak_memory();
        Self(Region::new(&INSTRUMENTED_SYSTEM))
    }

    pub(crate) fn read(&self) -> Cost {
        let change = self.0.change();
        Cost {
            allocations: change.allocations + change.reallocations,
            bytes: change.bytes_allocated,
            held: change
                .bytes_allocated
                .saturating_sub(change.bytes_deallocated),
            peak: MEMORY.get_peak_memory(),
        }
    }
}

/// Does the work and counts.
pub(crate) fn cost<T>(work: impl FnOnce() -> T) -> (T, Cost) {
    let meter = Meter::start();
    let done = work();
    (done, meter.read())
}

/// Numbers of things to compare. Of powers of two they are the same part: tables that double when
/// they are full are as full with the one as with the other.
pub(crate) const FEW: usize = 250;
pub(crate) const MANY: usize = 4 * FEW;

/// What each thing costs: the slope between [`FEW`] and [`MANY`], rid of what is paid once.
pub(crate) fn each(few: &Cost, many: &Cost, figure: impl Fn(&Cost) -> usize) -> usize {
    let more = figure(many).saturating_sub(figure(few));
    more.div_ceil(MANY - FEW)
}

/// Figures beside their limits.
#[derive(Debug, Default)]
pub(crate) struct Book {
    kept: usize,
    broken: Vec<String>,
}

// === impl Book ===

impl Book {
    /// The figure may be as large as the limit.
    pub(crate) fn at_most(&mut self, limit: usize, what: impl Display, figure: usize) {
        let line = format!("{figure:>10} of {limit:>9}  {what}");
        if figure <= limit {
            // A limit that nothing comes near guards nothing.
            let far = if figure < limit / 2 { "   (far)" } else { "" };
            println!("  {line}{far}");
            self.kept += 1;
        } else {
            println!("  {line}   TOO MUCH");
            self.broken.push(line);
        }
    }

    /// Prints what is broken, and what becomes of the process.
    pub(crate) fn close(self) -> ExitCode {
        for line in &self.broken {
            println!("too much: {line}");
        }
        println!("{} passed, {} failed", self.kept, self.broken.len());
        // A word that no guard is called by has run nothing: that is no success.
        if self.broken.is_empty() && self.kept > 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}
