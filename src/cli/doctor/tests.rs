//! What is found in the report of a gateway that runs, and in its certificate.

use super::*;
use crate::daemon::BusReport;
use crate::https::{CERTIFICATE_REFUSED, HUNG_UP, TurnedAway};

fn report() -> Report {
    Report {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        up_s: 100,
        simulated: false,
        configuration: PathBuf::new(),
        is_last_good: false,
        certificate: PathBuf::new(),
        time_zone: None,
        addresses: vec!["127.0.0.1:4443".parse().unwrap()],
        hooks: 1,
        buses: vec![bus(true, Some(3), None)],
        fridges_without_value: Vec::new(),
        questions: crate::mattermost::Report {
            asked: 1,
            last_hook: Some(String::from("kitchen")),
            last_question_age_s: Some(60),
            ..crate::mattermost::Report::default()
        },
        transport: crate::https::stats::Report::default(),
        turned_away: Vec::new(),
        targets: std::collections::BTreeMap::new(),
        history: crate::daemon::HistoryReport::default(),
    }
}

fn bus(fresh: bool, age_s: Option<u64>, fault: Option<&str>) -> BusReport {
    BusReport { name: String::from("bus 1"), fresh, age_s, probes: 2, fault: fault.map(str::to_owned) }
}

fn turned_away(age_s: u64, reason: &str) -> TurnedAway {
    TurnedAway {
        age: Duration::ZERO,
        age_s,
        count: 2,
        peer: Some([192, 0, 2, 7].into()),
        reason: reason.to_owned(),
        explanation: String::from("because"),
    }
}

fn ids(report: &Report) -> Vec<&'static str> {
    let mut findings = Findings::default();
    running(report, &mut findings);
    findings.0.iter().filter_map(|finding| finding.id).map(Id::name).collect()
}

#[test]
fn a_disk_that_keeps_nothing_is_told() {
    use crate::daemon::HistoryReport;
    let with = |history: HistoryReport| ids(&Report { history, ..report() });
    let usual = HistoryReport::default;
    assert_eq!(
        with(HistoryReport { failing: Some((700, "disk full".into())), ..usual() }),
        ["history-failing"]
    );
    assert_eq!(with(HistoryReport { writing_s: Some(31), ..usual() }), ["history-slow"]);
    assert!(with(HistoryReport { writing_s: Some(2), ..usual() }).is_empty());
    assert_eq!(with(HistoryReport { lost: 5, ..usual() }), ["history-lost"]);
    assert_eq!(with(HistoryReport { damage: Some("page 3".into()), ..usual() }), ["history-damaged"]);
}

#[test]
fn a_gateway_that_works_has_nothing_to_be_mended() {
    assert!(ids(&report()).is_empty());
    let scanned = Report { turned_away: vec![turned_away(5, HUNG_UP)], ..report() };
    assert!(ids(&scanned).is_empty(), "a port scan is nothing to be mended");
    let long_ago = Report { turned_away: vec![turned_away(90_000, "wrong token")], ..report() };
    assert!(ids(&long_ago).is_empty());
    let trusted = Report { turned_away: vec![turned_away(70, CERTIFICATE_REFUSED)], ..report() };
    assert!(ids(&trusted).is_empty(), "a question came in since");
}

#[test]
fn what_is_wrong_with_a_gateway_that_runs_has_its_id() {
    let rejected = crate::mattermost::Report {
        rejected: std::collections::BTreeMap::from([(String::from("wrong token"), 2)]),
        ..report().questions
    };
    let unasked = crate::mattermost::Report { last_hook: None, ..report().questions };
    for (wrong, id) in [
        (Report { buses: vec![bus(false, None, Some("held low"))], ..report() }, "bus-broken"),
        (Report { buses: vec![bus(false, Some(600), None)], ..report() }, "bus-stuck"),
        (Report { buses: vec![bus(false, None, None)], ..report() }, "bus-unmeasured"),
        (
            Report { fridges_without_value: vec!["Milk: no answer".into()], ..report() },
            "fridge-without-value",
        ),
        (Report { hooks: 0, ..report() }, "no-token"),
        (Report { questions: unasked, ..report() }, "no-question"),
        (Report { time_zone: Some("not known".into()), ..report() }, "time-zone"),
        (
            Report { questions: rejected, turned_away: vec![turned_away(5, "wrong token")], ..report() },
            "requests-rejected",
        ),
        (Report { turned_away: vec![turned_away(5, "Not Found")], ..report() }, "turned-away"),
        (
            Report { turned_away: vec![turned_away(5, CERTIFICATE_REFUSED)], ..report() },
            "certificate-refused",
        ),
    ] {
        assert_eq!(ids(&wrong), [id]);
    }
}

#[test]
fn a_certificate_that_ends_soon_or_is_unfit_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let description =
        certificate::describe(&certificate::ensure(folder.path()).unwrap().certificate).unwrap();
    let day = |days: i64| description.not_after + jiff::SignedDuration::from_hours(24 * days);
    for (now, id) in
        [(day(-100), None), (day(-10), Some("certificate-expires")), (day(10), Some("certificate-unfit"))]
    {
        let mut findings = Findings::default();
        judge_certificate(Path::new("c.pem"), &description, now, &mut findings);
        assert_eq!(findings.0[0].id.map(Id::name), id, "{}", findings.0[0].text);
    }
    let mut findings = Findings::default();
    let slow = certificate::Description { rsa_bits: Some(4_096), ..description.clone() };
    judge_certificate(Path::new("c.pem"), &slow, day(-100), &mut findings);
    assert_eq!(findings.0[1].id.map(Id::name), Some("certificate-slow"));
}

#[test]
fn a_configuration_that_a_gateway_names_is_read_where_it_and_its_folder_are_roots_or_the_askers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fridge.toml");
    std::fs::write(&path, "").unwrap();
    let own = rustix::process::geteuid().as_raw();
    assert_eq!(readers(), [0, own]);
    assert!(is_owned_by(&path, &[own]));
    assert!(!is_owned_by(&path, &[own + 1]), "somebody else's");
    let link = folder.path().join("link.toml");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(!is_owned_by(&link, &[own]), "whoever has the folder may lead it elsewhere");
    assert!(!is_owned_by(&folder.path().join("nothing"), &[own]));
}
