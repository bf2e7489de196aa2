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
    for words in ["ack", "ack north#1", "ack north milk", "ack milk"] {
        assert_eq!(wanted(words), there, "{words}");
    }
    assert!(wanted("ack #1").is_empty() && wanted("ack south#1").is_empty());
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
            reply.text.contains("nothing is heard of them at present: the alarms of north"),
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
    assert!(nobody.contains("there is no connection to it at present"), "{nobody}");
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
    assert!(refused.contains("has not done this: that alarm is over"), "{refused}");
    let done = asked(Chat::new(gateway)).await;
    assert!(done.contains("Acknowledged: North Milk"), "{done}");
    assert_eq!(answering.await.unwrap(), ["anna", "anna"]);
}
