//! The live view on a screen of our own.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::TermLike;

use super::*;
use crate::report::recorded::{broken, cancelled, good};

const PAINT: Paint = Paint { color: false, unicode: true };

/// A terminal of 24 rows that keeps everything that scrolled out.
#[derive(Clone, Debug)]
struct Glass {
    width: usize,
    cells: Arc<Mutex<Cells>>,
}

#[derive(Debug, Default)]
struct Cells {
    lines: Vec<Vec<char>>,
    row: usize,
    column: usize,
}

impl Glass {
    fn new(width: usize) -> Self {
        Self { width, cells: Arc::default() }
    }

    fn put(&self, text: &str) {
        let mut cells = self.cells.lock().unwrap();
        for c in text.chars() {
            match c {
                '\n' => (cells.row, cells.column) = (cells.row + 1, 0),
                '\r' => cells.column = 0,
                c => {
                    assert!(!c.is_control(), "{c:?} reached the terminal");
                    // as terminals do: the cursor waits in the last column until something comes
                    if cells.column == self.width {
                        (cells.row, cells.column) = (cells.row + 1, 0);
                    }
                    let (row, column) = (cells.row, cells.column);
                    if cells.lines.len() <= row {
                        cells.lines.resize(row + 1, Vec::new());
                    }
                    if cells.lines[row].len() <= column {
                        cells.lines[row].resize(column + 1, ' ');
                    }
                    cells.lines[row][column] = c;
                    cells.column += 1;
                }
            }
        }
    }

    fn text(&self) -> String {
        let lines = self.cells.lock().unwrap().lines.clone();
        let lines: Vec<String> = lines.iter().map(|line| line.iter().collect::<String>().trim_end().to_owned()).collect();
        format!("{}\n", lines.join("\n").trim_end())
    }
}

impl TermLike for Glass {
    fn width(&self) -> u16 {
        u16::try_from(self.width).unwrap()
    }
    fn height(&self) -> u16 {
        24
    }
    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.cells.lock().unwrap().row -= n;
        Ok(())
    }
    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.cells.lock().unwrap().row += n;
        Ok(())
    }
    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Err(io::Error::other("never needed"))
    }
    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Err(io::Error::other("never needed"))
    }
    fn write_line(&self, text: &str) -> io::Result<()> {
        self.put(&format!("{text}\n"));
        Ok(())
    }
    fn write_str(&self, text: &str) -> io::Result<()> {
        self.put(text);
        Ok(())
    }
    fn clear_line(&self) -> io::Result<()> {
        let mut cells = self.cells.lock().unwrap();
        let row = cells.row;
        if let Some(line) = cells.lines.get_mut(row) {
            line.clear();
        }
        cells.column = 0;
        Ok(())
    }
    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for Glass {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(std::str::from_utf8(bytes).unwrap());
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Plays events and gives the screen and the view, still alive.
fn playing(events: &[(u64, Event)], width: usize, paint: Paint) -> (Glass, Tty) {
    let glass = Glass::new(width);
    let clock = Arc::new(AtomicU64::new(0));
    let read = Arc::clone(&clock);
    let screen = Screen {
        target: ProgressDrawTarget::term_like_with_hz(Box::new(glass.clone()), 255),
        after: Box::new(glass.clone()),
        now: Arc::new(move || Duration::from_millis(read.load(Ordering::Relaxed))),
        size: Arc::new(move || (24, width)),
        ticking: false,
    };
    let mut tty = Tty::new(screen, paint);
    for (at, event) in events {
        clock.store(*at, Ordering::Relaxed);
        tty.on(event, Duration::from_millis(*at));
    }
    // past the rate limit of the drawing
    tty.bar.force_draw();
    (glass, tty)
}

fn shown(events: &[(u64, Event)], width: usize) -> String {
    playing(events, width, PAINT).0.text()
}

#[test]
fn running_steps_stay_below_what_ended() {
    insta::assert_snapshot!(shown(&good()[..9], 80), @"
    ✓ make cluster tstack-task-api    31.2 s
    ! install keda 2.21.0: a release stuck in pending-install was rolled back
    ⠋ install cert-manager v1.19.1       2 s
    ⠋ install keda 2.21.0                2 s  Deployment keda/keda-operator: 0 of …
      1/5 done · 34 s
    ");
}

#[test]
fn a_good_run_leaves_one_line_a_step() {
    insta::assert_snapshot!(shown(&good(), 80), @"
    ✓ make cluster tstack-task-api    31.2 s
    ! install keda 2.21.0: a release stuck in pending-install was rolled back
    ✓ install cert-manager v1.19.1     8.8 s
    ✓ install keda 2.21.0             12.4 s
    ✓ apply task-api                   1.4 s
    ✓ check https                      41 ms  200
    ✓ run 2 checks                     2.5 s
    5 steps done, 1 m 12 s
    ");
}

#[test]
fn a_failure_ends_the_view_with_its_cause() {
    insta::assert_snapshot!(shown(&broken(), 100), @r#"
    ✓ make cluster tstack-task-api    31.2 s
    ✗ install keda 2.21.0              8.2 s  Deployment keda/keda-operator did not become ready
    ✓ install cert-manager v1.19.1     8.8 s
    2 steps done, 1 failed, 2 did not run, 40.0 s

    error: Deployment keda/keda-operator did not become ready
      Pod keda/keda-operator-5c: container keda-operator is in CrashLoopBackOff, 4 restarts
      last lines of its log:
        │ ERROR cannot list ScaledObjects\x07
        │ panic: forbidden
      2 steps did not run because of this: apply task-api, run 2 checks

    help: look at it: kubectl -n keda describe pod keda-operator-5c
    "#);
}

#[test]
fn a_cancelled_run_says_how_to_go_on() {
    insta::assert_snapshot!(shown(&cancelled()[..6], 80), @"
    ✓ make cluster tstack-task-api     5.0 s
    cancelling: no new step starts, running steps end
    ⠸ install cert-manager v1.19.1       1 s
      1/5 done · cancelling · 6 s
    ");
    insta::assert_snapshot!(shown(&cancelled(), 80), @"
    ✓ make cluster tstack-task-api     5.0 s
    cancelling: no new step starts, running steps end
    ✓ install cert-manager v1.19.1     1.4 s
    2 steps done, 3 did not run, 6.5 s

    cancelled: 3 steps did not run

    help: `tstack up` again continues from here
    ");
}

#[test]
fn a_narrow_terminal_cuts_and_never_wraps() {
    insta::assert_snapshot!(shown(&good()[..9], 40), @"
    ✓ make cluster tstack-task-a…    31.2 s
    ! install keda 2.21.0: a release stuck…
    ⠋ install cert-manager v1.19…       2 s
    ⠋ install keda 2.21.0               2 s
      1/5 done · 34 s
    ");
}

#[test]
fn an_ascii_locale_gets_ascii() {
    let text = playing(&good()[..9], 80, Paint::default()).0.text();
    assert!(text.is_ascii(), "{text}");
    insta::assert_snapshot!(text, @"
    ok   make cluster tstack-task-api    31.2 s
    !    install keda 2.21.0: a release stuck in pending-install was rolled back
    |    install cert-manager v1.19.1       2 s
    |    install keda 2.21.0                2 s  Deployment keda/keda-operator: ...
         1/5 done - 34 s
    ");
}

#[test]
fn a_view_that_is_dropped_takes_its_live_rows_away() {
    let (glass, tty) = playing(&good()[..9], 80, PAINT);
    drop(tty);
    assert_eq!(
        glass.text(),
        "✓ make cluster tstack-task-api    31.2 s\n! install keda 2.21.0: a release stuck in pending-install was rolled back\n"
    );
    assert_eq!(glass.cells.lock().unwrap().column, 0, "the cursor is not at the start of a line");
}

#[test]
fn no_live_row_is_wider_than_the_terminal_nor_are_there_more_than_it_holds() {
    let mut run = Run::default();
    for n in 0..40 {
        run.on(&Event::StepStarted { id: format!("install:{n}-名前") }, Duration::ZERO);
        run.on(&Event::StepWaiting { id: format!("install:{n}-名前"), reason: "Deployment 名前: 0 of 1 replicas".into() }, Duration::ZERO);
    }
    for (paint, width) in (1..130).flat_map(|width| [(PAINT, width), (Paint { color: true, unicode: false }, width)]) {
        let lines = live(&run, Duration::from_secs(4000), (10, width), paint);
        assert!(lines.len() <= 10);
        assert!(lines.iter().all(|line| measure_text_width(line) <= width), "{width}: {lines:#?}");
    }
}
