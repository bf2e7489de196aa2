//! The bus `kind = "kernel"` against the real Linux kernel, which reads simulated probes behind a simulated USB
//! adapter. scripts/test-in-guest boots the guest and runs this, a test at a time: there is one kernel.

use std::time::{Duration, Instant};

use fridge::bus::simulated::probe::{Next, Probe, Timing};
use fridge::bus::simulated::probe_id;
use fridge::reading::ProbeId;
use serde_json::Value;

mod adapter;
mod guest;

use adapter::Adapter;
use adapter::ds2490::Convert;
use guest::{Gateway, Guest, wait};

const MINUTE: Duration = Duration::from_secs(60);
/// What the kernel does with a probe that it does not find takes ten searches, here a second each and what
/// they take.
const DROPPED: Duration = Duration::from_secs(90);

/// The probe of that number, counted from 1. A simulated bus has none of them.
fn id(number: usize) -> ProbeId {
    probe_id(100 + number)
}

/// The kernel's folder of that probe.
fn device(number: usize) -> String {
    format!("/sys/bus/w1/devices/{}", id(number))
}

/// The adapter in the guest's USB port, with probes on it. It is pulled out when dropped.
struct Plugged {
    adapter: Adapter,
}

/// Plugs in an adapter with probes of those resolutions and temperatures, and waits until the kernel has them.
fn plug(guest: &Guest, probes: &[(u8, f64)]) -> Plugged {
    // The last test's adapter may have been pulled out a moment ago.
    let gone = "ls /sys/bus/w1/devices | grep . || grep ^hs /sys/devices/platform/vhci_hcd.0/status | grep -v ' 004 '";
    wait("the kernel forgets the last adapter", MINUTE, || guest.run(gone).output.is_empty().then_some(()));
    plug_into(guest, 0, 1, probes)
}

/// The same into that port of the guest; the probes are numbered from `first`.
fn plug_into(guest: &Guest, port: u8, first: usize, probes: &[(u8, f64)]) -> Plugged {
    let made = probes.iter().zip(first..).map(|(&(bits, celsius), number)| {
        let mut probe = Probe::new(id(number), Timing::TYPICAL);
        probe.set_resolution(bits);
        probe.next = Next::Sixteenths((celsius * 16.0) as i16);
        probe
    });
    let adapter = Adapter::new(made.collect());
    let began = Instant::now();
    // The port, the connection on the standard input, bus 1 device 2, full speed.
    let attach = format!("echo {port} 0 65538 2 >/sys/devices/platform/vhci_hcd.0/attach");
    guest.sh(&format!("nc 10.0.2.2 {} -e sh -c '{attach}'", adapter.port));
    let files: Vec<String> =
        (first..first + probes.len()).map(|number| format!("{}/w1_slave", device(number))).collect();
    let listing = format!("ls {}", files.join(" "));
    wait("the kernel finds the probes", MINUTE, || (guest.run(&listing).status == 0).then_some(()));
    println!(
        "{} probes found {:.1} s after the adapter was plugged in",
        probes.len(),
        began.elapsed().as_secs_f64()
    );
    Plugged { adapter }
}

impl Plugged {
    /// The next conversions of the probe of that number, counted from 1, come to this.
    fn set(&self, number: usize, celsius: f64) {
        let next = Next::Sixteenths((celsius * 16.0) as i16);
        self.adapter.with(move |chip| chip.probe(number - 1, |probe| probe.next = next));
    }

    /// Takes the probe of that number, counted from 1, off the wire, or puts it back: at power-on.
    fn hang(&self, number: usize, plugged: bool) {
        self.adapter.with(move |chip| {
            chip.probe(number - 1, |probe| {
                probe.power_on();
                probe.plugged = plugged;
            });
        });
    }

    /// Every Convert T since then.
    fn converts_since(&self, since: Instant) -> Vec<Convert> {
        self.adapter
            .with(move |chip| chip.converts.iter().filter(|convert| convert.at >= since).copied().collect())
    }
}

/// A configuration with the kernel's bus and a fridge for each of so many probes: "Fridge 1" and so on.
fn configuration(period: &str, probes: usize) -> String {
    let fridges = (1..=probes)
        .map(|number| format!("[[fridge]]\nname = \"Fridge {number}\"\nprobe = \"{}\"\n", id(number)));
    format!("[[bus]]\nkind = \"kernel\"\nperiod = \"{period}\"\n") + &fridges.collect::<String>()
}

/// What the fridge of that number shows, in °C.
fn shown(gateway: &Gateway, number: usize) -> Option<f64> {
    gateway.fridge(&format!("Fridge {number}"))["celsius"].as_f64()
}

/// What `fridge probes` lists while no gateway runs: each probe, and its fault.
fn sweep_once(guest: &Guest, probes: usize) -> Vec<(String, Option<String>)> {
    guest.write("/tmp/probes.toml", &configuration("2s", probes));
    let answer = guest.sh("fridge probes --json --config /tmp/probes.toml --socket /tmp/none");
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    let word = |value: &Value| value.as_str().map(str::to_owned);
    let rows = answer["probes"].as_array().unwrap_or_else(|| panic!("{answer}"));
    rows.iter().map(|row| (word(&row["probe"]).expect("a name"), word(&row["fault"]))).collect()
}

/// Waits until every one of so many fridges shows a value.
fn wait_for_values(gateway: &Gateway, fridges: usize) -> Duration {
    let all = || {
        let answer = gateway.ask("status");
        let rows = answer["fridges"].as_array().expect("fridges");
        (rows.len() == fridges && rows.iter().all(|row| row["celsius"].is_number())).then_some(())
    };
    wait("every fridge shows a value", MINUTE, all).1
}

/// Gives the group fridge the rights that the shipped rule for udev gives: the guest has no udev, so the
/// command of the rule is run here for each of the devices that it is for.
fn apply_rule(guest: &Guest) {
    let rules = include_str!("../systemd/60-fridge.rules");
    let rule = rules.lines().find(|line| !line.starts_with('#')).expect("a rule");
    let between = |from: &str, to: &str| rule.split_once(from).expect(from).1.split_once(to).expect(to).0;
    let (devices, command) = (between("KERNEL==\"", "\""), between("RUN+=\"", "\""));
    // What udev puts for these: the device's folder, and a dollar.
    let command = command.replace("%S%p", "$device").replace("$$", "$").replace('\'', "\"");
    let command = command.replacen("/bin/sh -c \"", "", 1).trim_end_matches('"').to_owned();
    guest.sh(&format!("for device in /sys/bus/w1/devices/{devices}; do ({command}); done"));
}

#[test]
#[ignore = "needs the guest of scripts/test-in-guest"]
fn every_probe_is_listed_and_shown_at_every_resolution_and_below_zero() {
    let guest = Guest::new();
    // As they are, and as their resolution lets them be.
    let probes = [
        (12, 21.0625, 21.0625),
        (12, -10.125, -10.125),
        (11, 2.8125, 2.75),
        (10, -18.9375, -19.0),
        (9, 3.9375, 3.5),
        (9, -55.0, -55.0),
        (12, 85.0, 85.0),
        (12, 125.0, 125.0),
    ];
    let _plugged = plug(&guest, &probes.map(|(bits, is, _)| (bits, is)));

    let mut listed: Vec<String> =
        sweep_once(&guest, probes.len()).into_iter().map(|(probe, _)| probe).collect();
    listed.sort_unstable();
    let expected: Vec<String> = (1..=probes.len()).map(|number| id(number).to_string()).collect();
    assert_eq!(listed, expected);

    let gateway = Gateway::start(&guest, "root", &configuration("2s", probes.len()));
    let took = wait_for_values(&gateway, probes.len());
    println!("all values {:.1} s after the gateway answered", took.as_secs_f64());
    for (number, (bits, is, shows)) in (1..).zip(probes) {
        assert_eq!(shown(&gateway, number), Some(shows), "{is} °C at {bits} bits");
    }
    println!("{}", gateway.says("status"));
}

#[test]
#[ignore = "needs the guest of scripts/test-in-guest"]
fn an_unplugged_probe_is_silent_then_absent_and_heals_while_the_others_go_on() {
    let guest = Guest::new();
    let plugged = plug(&guest, &[(12, 4.0), (12, 5.0), (12, -18.0), (12, 6.0)]);
    let gateway = Gateway::start(&guest, "root", &configuration("3s", 4));
    wait_for_values(&gateway, 4);
    let fault = || gateway.fridge("Fridge 2")["fault"].as_str().map(str::to_owned);
    let others = |when: &str| {
        let ages = [1, 3, 4].map(|number| {
            let row = gateway.fridge(&format!("Fridge {number}"));
            assert!(row["celsius"].is_number(), "{when}: {row}");
            row["age_s"].as_u64().expect("an age")
        });
        ages.into_iter().max().expect("three of them")
    };

    let began = Instant::now();
    plugged.hang(2, false);
    let (_, silent) = wait("a fault", MINUTE, || (fault()? == "no_answer").then_some(()));
    let sweeps = plugged.converts_since(began).len();
    assert!(sweeps <= 3, "{sweeps} sweeps until there was a fault");
    let mut oldest = 0;
    let (_, absent) = wait("the kernel drops it", DROPPED, || {
        oldest = oldest.max(others("while one is out"));
        (fault()? == "absent").then_some(())
    });
    let in_common = plugged.converts_since(began).into_iter().filter(|convert| convert.to.is_none()).count();
    println!(
        "silent after {:.1} s and {sweeps} sweeps; absent {:.1} s later; {in_common} sweeps in {:.1} s, and no \
         other's value older than {oldest} s",
        silent.as_secs_f64(),
        absent.as_secs_f64(),
        began.elapsed().as_secs_f64(),
    );

    // All that are left answer: the kernel searches but once a minute from here on.
    let paused = || guest.sh("cat /sys/bus/w1/devices/w1_bus_master*/w1_master_search").trim() == "0";
    wait("fewer searches", MINUTE, || paused().then_some(()));
    plugged.set(2, 7.0);
    plugged.hang(2, true);
    let (_, healed) = wait("it heals", 2 * MINUTE, || (shown(&gateway, 2)? == 7.0).then_some(()));
    println!("healed {:.1} s after it was plugged in again", healed.as_secs_f64());
    others("when it is back");
}

/// What the Convert T commands of several sweeps say: how many there are in one, and how long it takes.
/// `first` is whom the first one of a sweep is for.
fn per_sweep(converts: &[Convert], first: Option<ProbeId>) -> (f64, f64) {
    let starts: Vec<usize> = (0..converts.len()).filter(|&at| converts[at].to == first).collect();
    let (begin, end, sweeps) = (starts[0], starts[starts.len() - 1], (starts.len() - 1) as f64);
    let seconds = (converts[end].at - converts[begin].at).as_secs_f64();
    ((end - begin) as f64 / sweeps, seconds / sweeps)
}

#[test]
#[ignore = "needs the guest of scripts/test-in-guest"]
fn a_sweep_is_one_conversion_where_the_rule_permits_it_and_one_for_each_probe_where_not() {
    const SWEEPS: usize = 4;
    let guest = Guest::new();
    let plugged = plug(&guest, &[(12, 4.0), (12, 5.0), (12, -18.0), (12, 6.0)]);
    let measure = |first: Option<ProbeId>| {
        // The period is shorter than a sweep, so that one follows the other.
        let gateway = Gateway::start(&guest, "fridge", &configuration("100ms", 4));
        wait_for_values(&gateway, 4);
        let settled = Instant::now();
        let (converts, _) = wait("sweeps", MINUTE, || {
            let converts = plugged.converts_since(settled);
            (converts.iter().filter(|convert| convert.to == first).count() > SWEEPS).then_some(converts)
        });
        let (commands, seconds) = per_sweep(&converts, first);
        let way = first.map_or("in bulk", |_| "one by one");
        println!("4 probes {way}: {commands} Convert T a sweep, {seconds:.2} s a sweep");
        let told = gateway.says("probes").contains("60-fridge.rules");
        assert_eq!(told, first.is_some(), "{}", gateway.says("probes"));
        commands
    };
    assert_eq!(measure(Some(id(1))), 4.0, "without the rule");
    apply_rule(&guest);
    assert_eq!(measure(None), 1.0, "with the rule");
}

#[test]
#[ignore = "needs the guest of scripts/test-in-guest"]
fn the_rule_is_enough_to_set_the_sentinel_and_to_set_their_resolution() {
    let guest = Guest::new();
    let _plugged = plug(&guest, &[(12, 4.0), (9, 5.0)]);
    let files = |file: &str| guest.sh(&format!("cat /sys/bus/w1/devices/28-*/{file}"));
    let configuration =
        configuration("1s", 2).replace("kind = \"kernel\"", "kind = \"kernel\"\nresolution = 11");
    {
        let gateway = Gateway::start(&guest, "fridge", &configuration);
        wait_for_values(&gateway, 2);
        assert_eq!((files("resolution").as_str(), files("alarms").as_str()), ("12\n9\n", "70 75\n70 75\n"));
    }
    apply_rule(&guest);
    let _gateway = Gateway::start(&guest, "fridge", &configuration);
    wait("11 bits", MINUTE, || (files("resolution") == "11\n11\n").then_some(()));
    // As `scratchpad::POWER_LOSS_SENTINEL` has them.
    wait("the sentinels", MINUTE, || (files("alarms") == "-53 45\n-53 45\n").then_some(()));
}

#[test]
#[ignore = "needs the guest of scripts/test-in-guest"]
fn a_bulk_conversion_that_failed_never_shows_an_old_value_as_new() {
    let guest = Guest::new();
    let plugged = plug(&guest, &[(12, 4.0), (12, 5.0)]);
    // The kernel tries five times to reset the bus.
    let change_and_refuse = |celsius: f64| {
        plugged.set(1, celsius);
        plugged.set(2, celsius);
        plugged.adapter.with(|chip| chip.refused_resets = 5);
    };
    let read = format!("cat {}/w1_slave", device(1));
    let trigger = format!("echo trigger >{}/../therm_bulk_read && {read}", device(1));
    assert!(guest.sh(&trigger).contains("t=4000"));
    // What the kernel does: the trigger succeeds, and the old value comes with a checksum that fits.
    change_and_refuse(6.0);
    let said = guest.sh(&trigger);
    assert!(said.contains("YES") && said.contains("t=4000"), "does the kernel tell by now? {said}");
    assert!(guest.sh(&read).contains("t=6000"));
    println!("the kernel, of a conversion that failed: {said}");

    let gateway = Gateway::start(&guest, "root", &configuration("4s", 2));
    wait_for_values(&gateway, 2);
    for celsius in [7.0, 8.0, 9.0] {
        // Between two sweeps: each is over within two seconds.
        let idle = || {
            let newest = plugged.adapter.with(|chip| chip.converts.last().map(|convert| convert.at))?;
            (Duration::from_millis(2_000)..Duration::from_millis(2_500))
                .contains(&newest.elapsed())
                .then_some(())
        };
        wait("a moment between two sweeps", MINUTE, idle);
        change_and_refuse(celsius);
        let changed = Instant::now();
        wait("the new values", MINUTE, || {
            let answer = gateway.ask("status");
            let rows = answer["fridges"].as_array().expect("fridges");
            let since = changed.elapsed().as_secs();
            // What was measured before the change is two seconds older than that.
            for row in rows.iter().filter(|row| row["age_s"].as_u64().is_some_and(|age| age <= since)) {
                assert!(row["celsius"].is_null() || row["celsius"] == celsius, "{since} s later: {row}");
            }
            rows.iter().all(|row| row["celsius"] == celsius).then_some(())
        });
        assert_eq!(plugged.adapter.with(|chip| chip.refused_resets), 0);
        let converts = plugged.converts_since(changed);
        assert!(converts[0].to.is_some(), "the bulk conversion did not fail: {converts:?}");
    }
}

#[test]
#[ignore = "needs the guest of scripts/test-in-guest"]
fn a_file_without_a_byte_is_no_answer() {
    let guest = Guest::new();
    let plugged = plug(&guest, &[(12, 4.0), (12, 5.0)]);
    plugged.hang(1, false);
    let read = guest.run(&format!("cd {} && wc -c <w1_slave; cat hwmon/hwmon*/temp1_input", device(1)));
    assert!(read.output.starts_with("0\n") && read.output.contains("Input/output error"), "{read:?}");
    let faults: Vec<Option<String>> = sweep_once(&guest, 2).into_iter().map(|(_, fault)| fault).collect();
    assert_eq!(faults, [Some(String::from("no_answer")), None]);
}

#[test]
#[ignore = "needs the guest of scripts/test-in-guest"]
fn an_adapter_that_hangs_leaves_the_answers_alone_and_its_fridges_stale() {
    let guest = Guest::new();
    let plugged = plug(&guest, &[(12, 4.0), (12, 5.0)]);
    let beside = "[[bus]]\nkind = \"simulated\"\nperiod = \"1s\"\n[[fridge]]\nname = \"Beside\"\nprobe = ";
    let configuration = format!("{}{beside}\"{}\"\n", configuration("2s", 2), probe_id(1));
    let gateway = Gateway::start(&guest, "root", &configuration);
    wait_for_values(&gateway, 3);

    let frozen = plugged.adapter.freeze();
    let mut slowest = Duration::ZERO;
    let (_, stale) = wait("stale values", MINUTE, || {
        let asked = Instant::now();
        let row = gateway.fridge("Fridge 1");
        slowest = slowest.max(asked.elapsed());
        assert!(gateway.fridge("Beside")["celsius"].is_number(), "the other bus goes on");
        (row["verdict"] == "stale").then_some(())
    });
    assert!(gateway.fridge("Fridge 1")["celsius"].is_null());
    println!(
        "stale {:.1} s after the adapter hung; no answer took longer than {:.2} s, the start of its program and \
         the way to the guest included",
        stale.as_secs_f64(),
        slowest.as_secs_f64()
    );
    drop(frozen);
    let (_, healed) = wait("it heals", MINUTE, || shown(&gateway, 1));
    println!("healed {:.1} s after the adapter went on", healed.as_secs_f64());

    let frozen = plugged.adapter.freeze();
    wait("stale values", MINUTE, || (gateway.fridge("Fridge 1")["verdict"] == "stale").then_some(()));
    gateway.signal("TERM");
    let gave_up = || gateway.log().contains("is still in its sweep").then_some(());
    let (_, took) = wait("the end does not wait for the bus", MINUTE, gave_up);
    // The kernel keeps a process for as long as one of its threads waits in a driver.
    assert!(gateway.runs(), "does the kernel let go of it by now?");
    plugged.adapter.pull_out();
    let pulled = Instant::now();
    wait("the process is gone", MINUTE, || (!gateway.runs()).then_some(()));
    println!(
        "ended {:.1} s after SIGTERM, but the kernel kept the process; gone {:.1} s after the adapter was pulled out",
        took.as_secs_f64(),
        pulled.elapsed().as_secs_f64()
    );
    drop(frozen);
}

#[test]
#[ignore = "needs the guest of scripts/test-in-guest"]
fn a_signal_in_the_middle_of_a_sweep_ends_it_and_leaves_the_kernel_as_it_was() {
    let guest = Guest::new();
    let plugged = plug(&guest, &[(12, 4.0), (12, 5.0), (12, 6.0)]);
    let searches = || guest.sh("cat /sys/bus/w1/devices/w1_bus_master*/w1_master_search");
    let before = searches();
    let gateway = Gateway::start(&guest, "root", &configuration("1s", 3));
    wait_for_values(&gateway, 3);
    let (during, _) = wait("fewer searches", MINUTE, || Some(searches()).filter(|now| *now != before));
    let newest = || plugged.adapter.with(|chip| chip.converts.last().map(|convert| convert.at));
    let last = newest();
    // A conversion has just begun.
    wait("a sweep", MINUTE, || (newest() != last).then_some(()));
    gateway.signal("TERM");
    let (_, took) = wait("the end", MINUTE, || (!gateway.runs()).then_some(()));
    assert!(gateway.log().contains(" ended"), "{}", gateway.log());
    println!(
        "ended {:.1} s after SIGTERM in a sweep; searches {}, then {}",
        took.as_secs_f64(),
        during.trim(),
        searches().trim()
    );
    assert_eq!(searches(), before);
    assert!(guest.sh(&format!("cat {}/w1_slave", device(1))).contains("t=4000"));
}

#[test]
#[ignore = "needs the guest of scripts/test-in-guest"]
fn two_adapters_are_both_read_although_only_the_first_has_bulk_conversion() {
    let guest = Guest::new();
    let first = plug(&guest, &[(12, 1.0), (12, 2.0)]);
    let second = plug_into(&guest, 1, 3, &[(12, 3.0), (12, 4.0)]);
    let gateway = Gateway::start(&guest, "root", &configuration("1s", 4));
    wait_for_values(&gateway, 4);
    for number in 1..=4 {
        assert_eq!(shown(&gateway, number), Some(number as f64));
    }
    let settled = Instant::now();
    wait("a sweep", MINUTE, || (second.converts_since(settled).len() >= 4).then_some(()));
    let (first, second) = (first.converts_since(settled), second.converts_since(settled));
    assert!(!first.is_empty() && first.iter().all(|convert| convert.to.is_none()), "{first:?}");
    assert!(second.iter().all(|convert| convert.to.is_some()), "{second:?}");
}

#[test]
#[ignore = "needs the guest of scripts/test-in-guest"]
fn an_adapter_that_is_pulled_out_is_a_bus_that_fails_until_it_is_back() {
    let guest = Guest::new();
    let plugged = plug(&guest, &[(12, 4.0), (12, 5.0)]);
    let gateway = Gateway::start(&guest, "root", &configuration("1s", 2));
    wait_for_values(&gateway, 2);
    drop(plugged);
    wait("the bus fails", MINUTE, || (gateway.fridge("Fridge 1")["fault"] == "bus").then_some(()));
    let _plugged = plug(&guest, &[(12, 6.0), (12, 7.0)]);
    let (_, healed) = wait("it heals", MINUTE, || (shown(&gateway, 2)? == 7.0).then_some(()));
    println!("healed {:.1} s after the kernel found the probes again", healed.as_secs_f64());
}

#[test]
#[ignore = "needs the guest of scripts/test-in-guest"]
fn a_probe_that_loses_its_power_shows_no_85_degrees() {
    let guest = Guest::new();
    let plugged = plug(&guest, &[(12, 4.0), (12, 5.0)]);
    let gateway = Gateway::start(&guest, "root", &configuration("1s", 2));
    wait_for_values(&gateway, 2);
    wait("the sentinels", MINUTE, || {
        (guest.sh(&format!("cat {}/alarms", device(1))) == "-53 45\n").then_some(())
    });
    plugged.adapter.with(|chip| chip.probe(0, |probe| probe.next = Next::PowerOnReset));
    let fault = || {
        let row = gateway.fridge("Fridge 1");
        assert_ne!(row["celsius"], 85.0);
        (row["fault"] == "power_on_reset").then_some(())
    };
    wait("a fault", MINUTE, fault);
    assert_eq!(shown(&gateway, 2), Some(5.0));
    plugged.set(1, 6.0);
    wait("it heals", MINUTE, || {
        let celsius = shown(&gateway, 1);
        assert_ne!(celsius, Some(85.0));
        (celsius == Some(6.0)).then_some(())
    });
}

#[test]
#[ignore = "needs the guest of scripts/test-in-guest"]
fn a_probe_that_is_powered_through_the_data_line_is_read_beside_one_that_is_not() {
    let guest = Guest::new();
    let plugged = plug(&guest, &[(12, 4.0), (12, 5.0)]);
    plugged.adapter.with(|chip| chip.probe(0, |probe| probe.parasite = true));
    let gateway = Gateway::start(&guest, "root", &configuration("100ms", 2));
    wait_for_values(&gateway, 2);
    plugged.set(1, 6.0);
    wait("the new value", MINUTE, || (shown(&gateway, 1)? == 6.0).then_some(()));
    assert_eq!(guest.sh("cat /sys/bus/w1/devices/28-*/ext_power"), "0\n1\n");
    assert!(gateway.says("probes").contains("powered through its data line"), "{}", gateway.says("probes"));
    let settled = Instant::now();
    let (converts, _) = wait("sweeps", MINUTE, || {
        let converts = plugged.converts_since(settled);
        (converts.len() > 3).then_some(converts)
    });
    let (commands, seconds) = per_sweep(&converts, None);
    println!("2 probes in bulk, with a strong pull-up: {commands} Convert T a sweep, {seconds:.2} s a sweep");
    assert_eq!(commands, 1.0);
}
