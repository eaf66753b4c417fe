//! Who the container's processes are, inside and outside.

use browndog_xml::domain::{Account, IdRange, Origin, Sourced};

use super::build::Builder;
use super::step::{ChildStep, HostStep};
use crate::host::Host;

/// Waits for the launcher and becomes root of the new user namespace.
pub(super) fn enter_user_namespace(b: &mut Builder<'_>) {
    if !b.needs_attendance() {
        return;
    }
    let origin = b.domain.idmap.as_ref().map_or(b.domain.origin.origin, |idmap| idmap.origin);
    if let Some(idmap) = &b.domain.idmap {
        let uid = outside(b, &idmap.uid, &b.host.uid_map, "user");
        let gid = outside(b, &idmap.gid, &b.host.gid_map, "group");
        // Of a plain caller everything counts as the caller's in any case.
        let root = uid.iter().find(|[start, ..]| *start == 0).map(|[_, target, _]| *target);
        if let Some(owner) = root.filter(|_| !b.host.rootless) {
            b.clone_as(owner);
        }
        let step = HostStep::WriteIdMaps { uid, gid };
        let why = "written from outside: only a process with privilege over the parent namespace may";
        b.attend("write-id-maps", step, origin, why);
        super::idmapped::hand_over(b);
        super::confine::say_system(b);
    }
    let why = "nothing is done before the maps are written and the interfaces are in place";
    b.child("await-go", ChildStep::AwaitGo, origin, why);
    if b.user_namespace {
        let why = "until then the process is nobody in its own namespace, and may not mount";
        b.child("become-root", ChildStep::BecomeRoot, origin, why);
    }
}

/// The map as the kernel wants it: with the ids of the launcher's own namespace, whatever they are on
/// the host.
fn outside(
    b: &mut Builder<'_>,
    ranges: &[Sourced<IdRange>],
    caller: &[[u32; 3]],
    what: &str,
) -> Vec<[u32; 3]> {
    let mut lines = Vec::new();
    for range in ranges {
        let IdRange { start, target, count } = range.value;
        match Host::from_host(caller, target, count) {
            Some(target) => {
                let own =
                    caller.first().filter(|[inside, ..]| b.host.rootless && *inside == 0).map(|line| line[1]);
                if own.is_some_and(|own| own >= range.value.target && own - range.value.target < count) {
                    b.note(
                        range.origin,
                        format!("one of the container's {what}s is the caller: what is yours on this host is its own"),
                        "map subordinate ids alone (subuid(5)) where it should not be",
                    );
                }
                lines.push([start, target, count]);
            }
            None => b.problem(
                range.origin,
                format!(
                    "the {what} ids {target} to {} of this host are not the caller's",
                    target + (count - 1)
                ),
                "start as root, or map ids that /etc/subuid and /etc/subgid give this account (newuidmap(1) \
                 of the package uidmap has to be there)",
            ),
        }
    }
    lines
}

/// A line of a passwd file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct User {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    pub home: String,
}

/// An id of the container's files. The last one is none: to setresuid(2) it means "unchanged", which is root.
fn id(text: &str) -> Option<u32> {
    text.parse().ok().filter(|id| *id != u32::MAX)
}

fn passwd_lines(passwd: &str) -> impl Iterator<Item = User> + '_ {
    passwd.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        let uid = fields.nth(1).and_then(id)?;
        let gid = fields.next().and_then(id)?;
        let home = fields.nth(1).unwrap_or("/").to_owned();
        Some(User { name, uid, gid, home })
    })
}

/// A number is a number, whoever has it as a name in a file of the container's.
pub(super) fn find_user(passwd: &str, account: &Account) -> Option<User> {
    match account {
        Account::Id(u32::MAX) => None,
        Account::Id(uid) => passwd_lines(passwd)
            .find(|user| user.uid == *uid)
            .or_else(|| Some(User { name: String::new(), uid: *uid, gid: 0, home: "/".to_owned() })),
        Account::Name(name) if is_number(name) => find_user(passwd, &Account::Id(id(name)?)),
        Account::Name(name) => passwd_lines(passwd).find(|user| user.name == *name),
    }
}

/// Why an account is not to be had: its file cannot be read, has no line for it, or one that nobody can be.
fn missing(account: &Account, lines: &str, unread: Option<&str>, file: &str, kind: &str) -> String {
    if let Some(unread) = unread {
        return unread.to_owned();
    }
    let Account::Name(name) = account else { return format!("the container's {file} has no such {kind}") };
    match lines.lines().find(|line| line.split(':').next() == Some(name)) {
        None => format!("the container's {file} has no such {kind}: {name}"),
        Some(line) => {
            let numbers = line.split(':').skip(2).take(if kind == "user" { 2 } else { 1 });
            let numbers = numbers.collect::<Vec<_>>().join(":");
            format!(
                "the container's {file} gives the {kind} {name} a number that nobody can have: '{numbers}'"
            )
        }
    }
}

fn is_number(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit())
}

fn find_group(group: &str, account: &Account) -> Option<u32> {
    match account {
        Account::Id(gid) => Some(*gid).filter(|gid| *gid != u32::MAX),
        Account::Name(name) if is_number(name) => id(name),
        Account::Name(name) => {
            let line = group.lines().find(|line| line.split(':').next() == Some(name));
            line.and_then(|line| line.split(':').nth(2).and_then(id))
        }
    }
}

/// Groups that list the user as a member (group(5)); a number without a name is in none.
fn supplementary(group: &str, user: &str) -> Vec<u32> {
    if user.is_empty() {
        return Vec::new();
    }
    let has =
        |line: &&str| line.split(':').nth(3).is_some_and(|members| members.split(',').any(|m| m == user));
    group.lines().filter(has).filter_map(|line| line.split(':').nth(2).and_then(id)).collect()
}

/// The init's user in the container; 0 where it cannot be found, which is said elsewhere.
pub(super) fn init_uid(b: &Builder<'_>) -> u32 {
    let passwd = b.survey.passwd.as_deref().unwrap_or_default();
    let account = b.domain.init.user.as_ref();
    account.and_then(|account| find_user(passwd, &account.value)).map_or(0, |user| user.uid)
}

/// Whether the container has this user, and these groups.
fn id_counts(b: &Builder<'_>, uid: u32, gids: &[u32]) -> (bool, bool) {
    let in_map =
        |map: &[[u32; 3]], id: u32| map.iter().any(|[start, _, count]| id >= *start && id - start < *count);
    let lines = |ranges: &[Sourced<IdRange>]| -> Vec<[u32; 3]> {
        ranges.iter().map(|range| [range.value.start, range.value.target, range.value.count]).collect()
    };
    let (users, groups) = match &b.domain.idmap {
        Some(idmap) => (lines(&idmap.uid), lines(&idmap.gid)),
        None => (b.host.uid_map.clone(), b.host.gid_map.clone()),
    };
    (in_map(&users, uid), gids.iter().all(|gid| in_map(&groups, *gid)))
}

const NO_USER: Origin = Origin::Default("without inituser the init runs as root of the container");

/// Supplementary groups, group and user, in the only order that works.
pub(super) fn set_ids(b: &mut Builder<'_>) {
    let passwd = b.survey.passwd.as_deref().unwrap_or_default();
    let groups_file = b.survey.group.as_deref().unwrap_or_default();
    let origin = b.domain.init.user.as_ref().map_or(NO_USER, |user| user.origin);
    let mut ids = (0, 0, Vec::new());
    if let Some(account) = &b.domain.init.user {
        match find_user(passwd, &account.value) {
            Some(user) => ids = (user.uid, user.gid, supplementary(groups_file, &user.name)),
            None => b.problem(
                account.origin,
                missing(&account.value, passwd, b.survey.passwd_unread.as_deref(), "/etc/passwd", "user"),
                "add the user to the container, or write +N for a number",
            ),
        }
    }
    if let Some(account) = &b.domain.init.group {
        match find_group(groups_file, &account.value) {
            Some(gid) => ids.1 = gid,
            None => b.problem(
                account.origin,
                missing(&account.value, groups_file, b.survey.group_unread.as_deref(), "/etc/group", "group"),
                "add the group to the container, or write +N for a number",
            ),
        }
    }
    let (uid, gid, mut groups) = ids;
    if !b.domain.extension.groups.is_empty() {
        groups = b.domain.extension.groups.iter().map(|group| group.value).collect();
    }
    if b.domain.idmap.is_some() || b.host.rootless {
        let (users, groups_there) = id_counts(b, uid, &[&[gid], groups.as_slice()].concat());
        if !users || !groups_there {
            b.problem(
                origin,
                format!(
                    "user {uid} with group {gid} does not exist in this container: its id map has no such id"
                ),
                "map the id, start as root, or give this account subordinate ids (subuid(5))",
            );
        }
    }
    if b.host.rootless && !b.host.has_gid(1) && b.domain.idmap.is_none() {
        // One id, and setgroups(2) given up for it: the process is what it has to be already.
        return;
    }
    let why = "the caller's groups end here; needs CAP_SETGID, so before the ids and capabilities change";
    b.child("set-groups", ChildStep::SetGroups { groups }, origin, why);
    b.child(
        "set-gid",
        ChildStep::SetGid { gid },
        origin,
        "before the user id, which takes the right to do it away",
    );
    b.child(
        "set-uid",
        ChildStep::SetUid { uid },
        origin,
        "after everything that needs root of the container",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/sh\nwww:x:33:34:www:/var/www:/bin/false\n33000:x:7:7::/:\n";
    const GROUP: &str = "root:x:0:\nwww:x:34:\nlog:x:50:www,root\ntape:x:60:www\n";

    #[test]
    fn an_account_that_cannot_be_had_is_told_from_one_that_is_not_there() {
        let lines = "evil:x:4294967295:0::/:\nhalf:x:7:-1::/:\n";
        let said = |name: &str| missing(&Account::Name(name.into()), lines, None, "/etc/passwd", "user");
        assert!(find_user(lines, &Account::Name("half".into())).is_none());
        assert!(said("none").ends_with("has no such user: none"));
        assert!(said("evil").contains("nobody can have: '4294967295:0'"), "{}", said("evil"));
        assert!(said("half").contains("nobody can have: '7:-1'"));
        let unread =
            missing(&Account::Name("evil".into()), "", Some("it is too large"), "/etc/passwd", "user");
        assert_eq!(unread, "it is too large");
    }

    #[test]
    fn a_number_is_a_number_also_where_a_file_has_it_as_a_name() {
        let uid = |account| find_user(PASSWD, &account).map(|user| (user.uid, user.gid));
        assert_eq!(uid(Account::Name("www".into())), Some((33, 34)));
        assert_eq!(uid(Account::Name("33000".into())), Some((33_000, 0)));
        assert_eq!(uid(Account::Id(33_000)), Some((33_000, 0)));
        assert_eq!(uid(Account::Id(33)), Some((33, 34)));
        assert_eq!(uid(Account::Name("nobody-here".into())), None);
        assert_eq!(find_group("1000:x:0:\n", &Account::Name("1000".into())), Some(1000));
        // Nor is it somebody's name where groups list their members.
        let member = find_user("", &Account::Id(1000)).unwrap();
        assert_eq!(supplementary("root:x:0:1000\nlog:x:4:,\n", &member.name), [0; 0]);
    }

    #[test]
    fn the_id_that_means_unchanged_is_nobodys() {
        const LAST: &str = "4294967295";
        let passwd = format!("evil:x:{LAST}:0::/:\nodd:x:7:{LAST}::/:\nfine:x:8:9::/:\n");
        for name in ["evil", "odd", LAST] {
            assert_eq!(find_user(&passwd, &Account::Name(name.into())), None, "{name}");
        }
        assert_eq!(find_user(&passwd, &Account::Id(u32::MAX)), None);
        assert_eq!(find_user(&passwd, &Account::Name("fine".into())).map(|user| user.uid), Some(8));
        let group = format!("evil:x:{LAST}:fine\nlog:x:4:fine\n");
        for account in [Account::Name("evil".into()), Account::Name(LAST.into()), Account::Id(u32::MAX)] {
            assert_eq!(find_group(&group, &account), None);
        }
        assert_eq!(supplementary(&group, "fine"), [4]);
    }

    #[test]
    fn groups_that_list_the_user_are_supplementary() {
        assert_eq!(supplementary(GROUP, "www"), [50, 60]);
        assert_eq!(find_group(GROUP, &Account::Name("tape".into())), Some(60));
    }
}
