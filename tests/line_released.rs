//! Whatever ends a sweep early leaves the line released: a line held low powers every probe down, and
//! no later program can tell why.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};

use embedded_hal::digital::v2::{InputPin, OutputPin};
use fridge::bus::onewire::Driver;
use fridge::bus::simulated::clock::WireClock;
use fridge::bus::simulated::fault::InjectedFault;
use fridge::bus::simulated::pin::WirePin;
use fridge::bus::simulated::probe::Timing;

mod bench_wire;
use bench_wire::{Bench, wire};

fn injected(kind: InjectedFault) -> u64 {
    let operations = {
        let mut bench = Bench::new(2, Timing::TYPICAL, 100);
        bench.measure().unwrap();
        bench.wire.borrow().operations
    };
    for operation in 1..=operations {
        let mut bench = Bench::new(2, Timing::TYPICAL, 100);
        let already = bench.wire.borrow().operations;
        bench.wire.borrow_mut().faults.injected = Some((already + operation, kind));
        // An error, a panic, or a sweep that made up for it: the line is what counts.
        let _ended = catch_unwind(AssertUnwindSafe(|| bench.measure()));
        assert!(!bench.wire.borrow().is_pulled(), "operation {operation}: {kind:?} left the line low");
    }
    operations
}

#[test]
fn an_error_of_the_pin_at_any_operation_leaves_the_line_released() {
    for kind in [InjectedFault::FailBefore, InjectedFault::FailAfter] {
        assert!(injected(kind) > 1_000);
    }
}

#[test]
fn a_panic_at_any_operation_leaves_the_line_released() {
    let quiet = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let operations = injected(InjectedFault::Panic);
    std::panic::set_hook(quiet);
    assert!(operations > 1_000);
}

/// The wire's pin, its level also written into a file, as a register outlives the process.
struct Register {
    pin: WirePin,
    file: std::fs::File,
}

impl Register {
    fn write(&self, low: u8) {
        use std::os::unix::fs::FileExt;
        self.file.write_all_at(&[low], 0).expect("the register can be written");
    }
}

impl OutputPin for Register {
    type Error = <WirePin as OutputPin>::Error;
    fn set_low(&mut self) -> Result<(), Self::Error> {
        self.write(b'L');
        self.pin.set_low()
    }
    fn set_high(&mut self) -> Result<(), Self::Error> {
        self.write(b'H');
        self.pin.set_high()
    }
}

impl InputPin for Register {
    type Error = <WirePin as InputPin>::Error;
    fn is_high(&self) -> Result<bool, Self::Error> {
        self.pin.is_high()
    }
    fn is_low(&self) -> Result<bool, Self::Error> {
        self.pin.is_low()
    }
}

const REGISTER: &str = "FRIDGE_TEST_REGISTER";
const PROCESSES: u32 = 60;

/// The part of the test below that runs in processes of its own: sweeps without a pause, in a thread as
/// the gateway's, until SIGTERM.
#[test]
fn sweeping_process() {
    let Some(register) = std::env::var_os(REGISTER) else { return };
    use fridge::poll::{self, Job, Outcome};
    let clock = fridge::daemon::clock();
    let mut swept = false;
    let polled = Job {
        name: String::from("bus 1"),
        period: std::time::Duration::from_millis(1),
        open: Box::new(move || {
            let wire = wire(20, Timing::TYPICAL, 100);
            let file =
                std::fs::OpenOptions::new().write(true).open(&register).expect("the register is there");
            let pin = Register { pin: WirePin(wire.clone()), file };
            Ok(Box::new(Driver::new(pin, WireClock::virtual_time(&wire))?))
        }),
        report: Box::new(move |outcome| {
            if !swept && matches!(outcome, Outcome::Sweep { .. }) {
                swept = true;
                // The parent waits for this line.
                println!("sweeping");
            }
        }),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut terminate =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).unwrap();
        let poller = poll::start(polled, &clock).unwrap();
        terminate.recv().await;
        assert!(poll::stop([poller], std::time::Duration::from_secs(20)));
    });
}

#[test]
fn sigterm_at_any_moment_leaves_the_line_released() {
    let folder = tempfile::tempdir().unwrap();
    let register = folder.path().join("register");
    let mut random = fastrand::Rng::with_seed(7);
    for process in 0..PROCESSES {
        std::fs::write(&register, "H").unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sweeping_process", "--nocapture"])
            .env(REGISTER, &register)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = std::io::BufReader::new(child.stdout.take().unwrap());
        let mut lines = std::io::BufRead::lines(output);
        assert!(lines.any(|line| line.unwrap().contains("sweeping")), "process {process} never swept");
        // The moment of the signal falls anywhere in a sweep.
        let moment = std::time::Instant::now() + std::time::Duration::from_micros(random.u64(0..5_000));
        while std::time::Instant::now() < moment {
            std::hint::spin_loop();
        }
        let pid = child.id().to_string();
        assert!(Command::new("sh").args(["-c", &format!("kill -s TERM {pid}")]).status().unwrap().success());
        assert!(lines.all(|line| line.is_ok()));
        assert!(child.wait().unwrap().success(), "process {process}");
        assert_eq!(std::fs::read_to_string(&register).unwrap(), "H", "process {process} left the line low");
    }
}
