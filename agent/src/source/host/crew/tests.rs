use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;

/// What the errand does when it is run.
enum Act {
    Answer,
    /// Waits for the test.
    Hang(Mutex<Receiver<()>>),
    PanicWhileFetching,
    PanicWhileDigesting,
}

struct Task {
    path: PathBuf,
    act: Act,
}

impl Errand for Task {
    type Raw = ();
    type Done = PathBuf;

    fn path(&self) -> &Path {
        &self.path
    }

    fn directory(&self) -> &Path {
        self.path.parent().unwrap()
    }

    fn fetch(&self) {
        match &self.act {
            Act::Hang(wait) => drop(wait.lock().unwrap().recv()),
            Act::PanicWhileFetching => panic!("a fault while fetching"),
            Act::Answer | Act::PanicWhileDigesting => {}
        }
    }

    fn digest(&self, (): ()) -> PathBuf {
        assert!(
            !matches!(self.act, Act::PanicWhileDigesting),
            "a fault while digesting"
        );
        self.path.clone()
    }
}

fn answer(path: &str) -> Task {
    Task {
        path: path.into(),
        act: Act::Answer,
    }
}

/// An errand that hangs until the sender is dropped.
fn hang(path: &str) -> (Task, Sender<()>) {
    let (sender, receiver) = channel();
    (
        Task {
            path: path.into(),
            act: Act::Hang(Mutex::new(receiver)),
        },
        sender,
    )
}

fn reasons(results: &[Result<PathBuf, Problem>]) -> Vec<&'static str> {
    results
        .iter()
        .map(|result| result.as_ref().map_or_else(|p| p.reason.code(), |_| "ok"))
        .collect()
}

fn wait_for_the_lost(crew: &Crew) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !crew.lost.iter().all(|lost| lost.thread.is_finished()) {
        assert!(Instant::now() < deadline, "the lost come back");
        thread::yield_now();
    }
}

/// Long enough for an errand that does nothing on a machine that is busy.
const DEADLINE: Duration = Duration::from_secs(1);

#[test]
fn results_come_in_the_order_of_the_errands() {
    let mut crew = Crew::new(DEADLINE);
    let results = crew.run(["/a", "/b", "/c"].map(answer).into());
    let paths: Vec<_> = results.into_iter().map(Result::unwrap).collect();
    assert_eq!(paths, [Path::new("/a"), Path::new("/b"), Path::new("/c")]);
    assert!(crew.run(Vec::<Task>::new()).is_empty());
}

#[test]
fn meanwhile_something_is_done_once_whatever_becomes_of_the_errands() {
    let mut crew = Crew::new(DEADLINE);
    let (stuck, release) = hang("/d/b");
    for errands in [vec![], vec![answer("/a")], vec![stuck, answer("/e/c")]] {
        let mut times = 0;
        crew.run_beside(errands, || times += 1);
        assert_eq!(times, 1);
    }
    // It is done beside an errand, not behind it: otherwise nothing would let this one go.
    let (waiting, go) = hang("/f");
    let results = crew.run_beside(vec![waiting], || drop(go));
    assert_eq!(reasons(&results), ["ok"]);
    drop(release);
}

#[test]
fn an_errand_that_hangs_is_given_up_and_the_rest_is_run() {
    let mut crew = Crew::new(DEADLINE);
    let (stuck, release) = hang("/d/b");
    let results = crew.run(vec![answer("/d/a"), stuck, answer("/d/c")]);
    assert_eq!(reasons(&results), ["ok", "timeout", "ok"]);
    drop(release);
}

#[test]
fn a_path_is_not_tried_again_before_its_thread_is_back() {
    let mut crew = Crew::new(DEADLINE);
    let (stuck, release) = hang("/d/b");
    crew.run(vec![stuck]);
    assert_eq!(
        reasons(&crew.run(vec![answer("/d/b"), answer("/d/c")])),
        ["timeout", "ok"]
    );
    assert_eq!(crew.lost.len(), 1);
    drop(release);
    wait_for_the_lost(&crew);
    assert_eq!(reasons(&crew.run(vec![answer("/d/b")])), ["ok"]);
    assert!(crew.lost.is_empty());
}

#[test]
fn after_some_losses_their_directories_are_left_alone() {
    let mut crew = Crew::new(Duration::from_millis(200));
    let (tasks, releases): (Vec<_>, Vec<_>) = (0..6)
        .map(|number| hang(&format!("/hung/{number}")))
        .unzip();
    let mut tasks: Vec<_> = tasks
        .into_iter()
        .chain([answer("/hung/deeper/x")])
        .collect();
    tasks.push(answer("/good/x"));
    let results = crew.run(tasks);
    assert_eq!(reasons(&results), [&["timeout"; 7][..], &["ok"]].concat());
    assert_eq!(crew.lost.len(), MANY_LOST);
    drop(releases);
}

#[test]
fn no_more_threads_are_lost_than_a_few() {
    let mut crew = Crew::new(Duration::from_millis(50));
    let (tasks, releases): (Vec<_>, Vec<_>) = (0..2 * MOST_LOST)
        .map(|number| hang(&format!("/{number}/x")))
        .unzip();
    let results = crew.run(tasks.into_iter().chain([answer("/good/x")]).collect());
    assert!(reasons(&results).iter().all(|reason| *reason == "timeout"));
    assert_eq!(crew.lost.len(), MOST_LOST);
    drop(releases);
    wait_for_the_lost(&crew);
    assert_eq!(reasons(&crew.run(vec![answer("/good/x")])), ["ok"]);
}

#[test]
fn an_errand_that_panics_is_a_problem_of_its_own() {
    // A panic in a debug build looks its backtrace up, which takes seconds on a busy machine.
    let mut crew = Crew::new(Duration::from_secs(60));
    let fetching = Task {
        path: "/d/b".into(),
        act: Act::PanicWhileFetching,
    };
    let digesting = Task {
        path: "/d/c".into(),
        act: Act::PanicWhileDigesting,
    };
    let results = crew.run(vec![answer("/d/a"), fetching, digesting, answer("/d/d")]);
    assert_eq!(reasons(&results), ["ok", "internal", "internal", "ok"]);
}
