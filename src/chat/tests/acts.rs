//! What carries an act: an answer wants something done, the recorder records it, and only then the asker is told.

use super::*;
use crate::alarm::{Alarm, Kind, RuleName, Urgency};
use crate::gateway::{Carried, CarryError, Elsewhere};
use crate::state::SiteAlarms;

/// A reply that wants something done.
fn reply(kitchen: &Kitchen) -> Arc<Reply> {
    let view = kitchen.chat.gateway().view(&Scope::everything());
    let doc = doc("It is done.", &view);
    let answer =
        Answer { acts: vec![Wanted::here(Act::Nothing)], ..Answer::new(doc, Data::Words(Vec::new())) };
    Arc::new(Reply::new(answer, &view, false))
}

fn may_act() -> Asker {
    let user = Some(User { id: String::from("u1"), name: String::from("anna") });
    Asker { user, ..Asker::local(Rights::Act) }
}

#[tokio::test]
async fn an_act_is_told_once_it_is_recorded() {
    let kitchen = Kitchen::new(cafe());
    let gateway = kitchen.chat.gateway().clone();
    let writer = kitchen.writer.into_inner().unwrap();
    let chat = Chat::new(gateway.with_recorder(writer.start().unwrap()));
    let kitchen = Kitchen { chat, ..Kitchen::new(cafe()) };
    let done = kitchen.chat.carry_out(reply(&kitchen), &may_act()).await;
    assert_eq!(done.text, "It is done.");
}

#[tokio::test]
async fn what_is_not_recorded_or_not_permitted_is_not_told_as_done() {
    let kitchen = Kitchen::new(cafe());
    let refused = kitchen.chat.carry_out(reply(&kitchen), &may_act()).await;
    assert!(refused.text.contains("could not be recorded"), "{}", refused.text);
    let reader = Asker::local(Rights::Read);
    let refused = kitchen.chat.carry_out(reply(&kitchen), &reader).await;
    assert_eq!(refused.text, text::MAY_NOT_ACT);
    let json = serde_json::to_value(&*refused).unwrap();
    assert_eq!(json["error"], text::MAY_NOT_ACT);
}

#[tokio::test]
async fn an_answer_that_only_reads_waits_for_nobody() {
    let kitchen = Kitchen::new(cafe());
    kitchen.well(10);
    *kitchen.now.lock().unwrap() = stamp(11);
    assert!(kitchen.chat.ask("status", &Asker::local(Rights::Read)).await.text.starts_with("All 6 in range"));
}

/// A gateway with a fridge of its own, and one of another gateway, each with an alarm of the same number.
fn hub(confirmed: bool) -> Kitchen {
    let milk = Fridge {
        id: String::from("north.milk"),
        site: Some(Arc::from("north")),
        ..Fridge::new("North Milk", ProbeId::remote(0, 0), Limits::default())
    };
    let kitchen = Kitchen::new(vec![milk, fridge(1, "Meat", None, None)]);
    let alarm = |site: Option<&str>, fridge: (&str, &str)| {
        let kind = (Kind::TooWarm, RuleName::Delay, Urgency::Warning);
        let since = stamp(0).wall;
        Alarm { site: site.map(str::to_owned), ..Alarm::new(1, fridge, kind, since, since) }
    };
    let site = Some("north");
    let alarms = SiteAlarms {
        alarms: vec![alarm(site, ("north.milk", "North Milk"))],
        at: confirmed.then(|| stamp(0)),
    };
    kitchen.writer.lock().unwrap().write(Input::SiteAlarms(vec![(String::from("north"), alarms)]));
    kitchen
}

#[test]
fn an_alarm_of_another_gateway_is_called_by_that_and_never_taken_for_ones_own() {
    let kitchen = hub(true);
    let wanted = |words: &str| kitchen.reply(stamp(10), words).acts.clone();
    let there = [Wanted { site: Some(String::from("north")), act: Act::acknowledge(vec![1], "") }];
    for words in ["ack north#1", "ack north milk", "ack milk", "ack milk #1", "ack site:north #1"] {
        assert_eq!(wanted(words), there, "{words}");
    }
    for words in ["ack North#1", "ack north #1", "ack NORTH #1"] {
        assert_eq!(wanted(words), there, "{words}: as it is typed on a phone");
    }
    // One that is over is not taken for another, which is open.
    for words in [
        "ack #1",
        "ack 1",
        "ack south#1",
        "ack south #1",
        "ack north#2",
        "ack north #2",
        "ack milk #2",
        "ack fan #1 broke",
    ] {
        assert!(wanted(words).is_empty(), "{words}");
    }
    // What rings elsewhere is not meant by a bare word here.
    for words in ["ack", "ack door open", "ack 2 bottles broke"] {
        assert!(wanted(words).is_empty(), "{words}");
    }
    let bare = kitchen.reply(stamp(10), "ack");
    assert!(bare.text.contains("This gateway has none of its own"), "{}", bare.text);
    let cause = Act::acknowledge(vec![1], "#1 fan broke");
    assert_eq!(wanted("ack north#1 #1 fan broke")[0].act, cause);
    let snooze =
        |words: &str| wanted(words).into_iter().map(|wanted| (wanted.site, wanted.act)).collect::<Vec<_>>();
    let act =
        |fridge: &str| Act::Snooze { fridges: vec![fridge.to_owned()], length: Duration::from_secs(7_200) };
    assert_eq!(snooze("snooze 2h"), [(None, act("meat"))], "those of others have to be named");
    assert_eq!(snooze("snooze site:north 2h"), [(Some(String::from("north")), act("milk"))]);
}

#[test]
fn a_word_that_may_mean_many_gateways_means_this_one_and_a_group_of_all_is_named_as_that() {
    let group = |fridge: Fridge| Fridge { group: Some(String::from("Dairy")), ..fridge };
    let of_site = |site: &str, number: usize| Fridge {
        id: format!("{site}.milk"),
        site: Some(Arc::from(site)),
        ..group(Fridge::new(format!("{site} Milk"), ProbeId::remote(number, 0), Limits::default()))
    };
    let kitchen =
        Kitchen::new(vec![of_site("north", 0), of_site("south", 1), group(fridge(1, "Quark", None, None))]);
    let sites = |words: &str| -> Vec<Option<String>> {
        kitchen.reply(stamp(10), words).acts.iter().map(|wanted| wanted.site.clone()).collect()
    };
    let [north, south] = ["north", "south"].map(|site| Some(String::from(site)));
    assert_eq!(sites("snooze dairy 2h"), [None]);
    assert_eq!(sites("defrost dairy"), [None]);
    assert_eq!(sites("snooze group:dairy 2h"), [None, north.clone(), south.clone()]);
    assert_eq!(sites("snooze site:south dairy 2h"), std::slice::from_ref(&south));
    // All that a bare word could mean are elsewhere.
    let alarm = |site: &str| {
        let kind = (Kind::TooWarm, RuleName::Delay, Urgency::Warning);
        let (id, since) = (format!("{site}.milk"), stamp(0).wall);
        let alarm = Alarm { site: Some(site.into()), ..Alarm::new(1, (&id, "Milk"), kind, since, since) };
        (site.to_owned(), SiteAlarms { alarms: vec![alarm], at: Some(stamp(0)) })
    };
    let told = Input::SiteAlarms(vec![alarm("north"), alarm("south"), alarm("west")]);
    kitchen.writer.lock().unwrap().write(told);
    let reply = kitchen.reply(stamp(10), "ack");
    assert!(reply.acts.is_empty() && reply.text.contains("Name another's, such as"), "{}", reply.text);
    assert_eq!(sites("ack group:dairy"), [north, south]);
    // Also that of a gateway of whose fridges nothing is known any more, to whoever may see everything.
    assert!(kitchen.reply(stamp(10), "alarms").text.contains("west"));
    let hook = Scope::only(["dairy"]);
    let asker = Asker { scope: hook, ..Asker::local(Rights::Act) };
    let restricted = kitchen.chat.answer("alarms", &asker);
    assert!(restricted.text.starts_with("There are no open alarms."), "{}", restricted.text);
}

#[test]
fn alarms_of_a_gateway_of_which_nothing_is_heard_are_shown_as_that() {
    let fresh = hub(true).reply(stamp(10), "alarms");
    assert!(
        fresh.text.contains("too warm for 10 s") && !fresh.text.contains("may be over"),
        "{}",
        fresh.text
    );
    for reply in [hub(true).reply(stamp(200), "alarms"), hub(false).reply(stamp(10), "alarms")] {
        assert!(reply.text.contains("and may be over by now"), "{}", reply.text);
        assert!(
            reply.text.contains("Nothing was heard lately of the alarms at north: some may have begun"),
            "{}",
            reply.text
        );
        let json = serde_json::to_value(&*reply).unwrap();
        assert_eq!(
            (&json["alarms"][0]["site"], &json["alarms"][0]["confirmed"]),
            (&"north".into(), &false.into())
        );
    }
    let status = hub(false).reply(stamp(10), "status");
    assert!(
        status.text.contains("north\\#1, and may be over by now")
            || status.text.contains("north#1, and may be over by now"),
        "{}",
        status.text
    );
}

#[tokio::test]
async fn what_another_gateway_does_not_do_is_not_told_as_done() {
    let kitchen = hub(true);
    let gateway = kitchen.chat.gateway().clone();
    let asked = |chat: Chat| async move { chat.ask("ack north#1", &may_act()).await.text.clone() };
    let nobody = asked(Chat::new(gateway.clone())).await;
    assert!(nobody.contains("`north` did not do this, because it cannot be reached"), "{nobody}");
    let (elsewhere, mut carried) = Elsewhere::new();
    let answering = tokio::spawn(async move {
        let mut users = Vec::new();
        for outcome in [Err(CarryError::Refused(String::from("that alarm is over"))), Ok(())] {
            let Carried { site, act, user, done } = carried.recv().await.unwrap();
            assert_eq!((site.as_str(), act), ("north", Act::acknowledge(vec![1], "")));
            users.extend(user);
            done.send(outcome).unwrap();
        }
        users
    });
    let gateway = gateway.with_elsewhere(elsewhere);
    let refused = asked(Chat::new(gateway.clone())).await;
    assert!(refused.contains("`north` answers: that alarm is over."), "{refused}");
    let done = asked(Chat::new(gateway)).await;
    assert!(done.contains("Acknowledged: North Milk"), "{done}");
    assert_eq!(answering.await.unwrap(), ["anna", "anna"]);
}

#[tokio::test]
async fn of_several_acts_it_is_told_which_were_done_and_which_were_not() {
    let (elsewhere, mut carried) = Elsewhere::new();
    tokio::spawn(async move {
        while let Some(Carried { site, done, .. }) = carried.recv().await {
            let reason = String::from("@all <b>");
            let outcome = if site == "north" { Ok(()) } else { Err(CarryError::Refused(reason)) };
            done.send(outcome).unwrap();
        }
    });
    let kitchen = hub(true);
    let gateway = kitchen.chat.gateway().clone().with_elsewhere(elsewhere);
    let wanted = |site: &str| Wanted { site: Some(site.to_owned()), act: Act::Nothing };
    let by = By::default();
    let failed =
        gateway.perform(vec![wanted("south"), wanted("north"), Wanted::here(Act::Nothing)], by).await;
    let text = crate::doc::markdown::line(&failed.unwrap_err().text());
    // Nobody records anything here, and what another gateway says is no Markdown.
    assert!(
        text.starts_with("this could not be recorded just now; try again. `south` answers: @\u{2060}all "),
        "{text}"
    );
    assert!(text.ends_with(". Everything else was done.") && !text.contains(['<', '>']), "{text}");
}

#[test]
fn without_other_gateways_a_cause_may_be_any_words() {
    let kitchen = Kitchen::new(vec![fridge(0, "Milk", None, None), fridge(1, "Freezer#9", None, None)]);
    let open = Alarm::new(
        7,
        ("milk", "Milk"),
        (Kind::TooWarm, RuleName::Delay, Urgency::Warning),
        stamp(0).wall,
        stamp(0).wall,
    );
    let meant = |words: &str| {
        let gateway = kitchen.chat.gateway();
        let mut snapshot = (*gateway.snapshot()).clone();
        snapshot.alarms = Arc::new(vec![open.clone()]);
        let view = gateway.view_at(stamp(10), Arc::new(snapshot), &Scope::everything());
        answer(&Request::parse(words), &view).acts.into_iter().map(|wanted| wanted.act).collect::<Vec<_>>()
    };
    for (words, cause) in [
        ("ack", ""),
        ("ack #7", ""),
        ("ack 7", ""),
        ("ack milk #7 delivery", "delivery"),
        ("ack milk 2", "2"),
        ("ack 2", "2"),
        ("ack 2 bottles broke", "2 bottles broke"),
        ("ack delivery #3", "delivery #3"),
        ("ack ticket#12 fan", "ticket#12 fan"),
    ] {
        assert_eq!(meant(words), [Act::acknowledge(vec![7], cause)], "{words}");
    }
    for words in ["ack #8", "ack freezer#9"] {
        assert!(meant(words).is_empty(), "{words}");
    }
}
