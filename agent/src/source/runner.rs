//! Keeps a source running: starts it, fences its panics off from the other sources, and starts it
//! anew after a pause that grows.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::{Failure, Report, Sink, Source};
use crate::model::Reason;

/// First pause after a source ended; doubled each time, up to [`LONGEST`].
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// A source that ran this long is started anew as if for the first time.
const SOUND: Duration = Duration::from_secs(300);

/// Runs a source for ever. To be awaited inside a [`tokio::task::LocalSet`].
pub async fn run(source: Rc<dyn Source>, sink: Arc<dyn Sink>) {
    let mut pause = SHORTEST;
    loop {
        let begun = tokio::time::Instant::now();
        let (running, listening) = (Rc::clone(&source), Arc::clone(&sink));
        let ended = tokio::task::spawn_local(async move { running.run(listening).await }).await;
        match ended {
            Ok(failure) => fail(&*sink, failure),
            Err(error) if error.is_panic() => {
                sink.report(Report::Panicked);
                let detail = "a fault of the agent's own; the source is started anew".to_owned();
                fail(
                    &*sink,
                    Failure {
                        reason: Reason::Internal,
                        resource: None,
                        detail,
                    },
                );
            }
            Err(_) => return,
        }
        if begun.elapsed() >= SOUND {
            pause = SHORTEST;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST);
    }
}

fn fail(sink: &dyn Sink, failure: Failure) {
    sink.report(Report::Error(failure.clone()));
    sink.report(Report::Failed(failure));
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Mutex;

    use super::*;
    use crate::model::Change;
    use crate::source::LocalFuture;

    struct Shaky {
        runs: Cell<u32>,
    }

    impl Source for Shaky {
        fn kind(&self) -> &'static str {
            "file"
        }

        fn name(&self) -> &'static str {
            "shaky"
        }

        fn run(&self, _: Arc<dyn Sink>) -> LocalFuture<'_, Failure> {
            Box::pin(async {
                self.runs.set(self.runs.get() + 1);
                assert!(self.runs.get() > 1, "the first run panics");
                std::future::pending().await
            })
        }
    }

    #[derive(Default)]
    struct Heard(Mutex<Vec<Report>>);

    impl Sink for Heard {
        fn apply(&self, _: Change) {}

        fn report(&self, report: Report) {
            self.0.lock().unwrap().push(report);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_panics_is_told_and_started_anew() {
        let source = Rc::new(Shaky { runs: Cell::new(0) });
        let heard = Arc::new(Heard::default());
        let running = run(
            Rc::clone(&source) as Rc<dyn Source>,
            Arc::clone(&heard) as _,
        );
        let minute = Duration::from_secs(60);
        let set = tokio::task::LocalSet::new();
        assert!(
            set.run_until(tokio::time::timeout(minute, running))
                .await
                .is_err()
        );
        assert_eq!(source.runs.get(), 2);
        let heard = heard.0.lock().unwrap();
        assert!(
            matches!(
                heard.as_slice(),
                [Report::Panicked, Report::Error(_), Report::Failed(_)]
            ),
            "{heard:?}"
        );
    }
}
