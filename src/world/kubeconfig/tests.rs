//! Files: what goes in comes out, byte for byte, with the rights and links that they had.

#![cfg(unix)]

use std::os::unix::fs::PermissionsExt as _;

use super::*;

const OURS: &str =
    "clusters:\n- cluster: {server: 'https://127.0.0.1:40001'}\n  name: kind-x\nusers:\n- name: kind-x\n  user: {client-key-data: S0VZ}\n";
const THEIRS: &str = "# mine\nclusters:\n- name: prod\n  cluster: {server: 'https://prod'}\ncurrent-context: prod\n";

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("kube/config")
    }

    fn text(&self) -> String {
        fs_err::read_to_string(self.file()).unwrap()
    }

    /// Every file but the kubeconfig: a lock or a half-written one.
    fn others(&self) -> Vec<PathBuf> {
        let all = fs_err::read_dir(self.file().parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
        all.filter(|path| *path != self.file()).collect()
    }
}

fn with_folder(text: &str) -> Place {
    let place = Place::new();
    fs_err::create_dir(place.0.path().join("kube")).unwrap();
    fs_err::write(place.file(), text).unwrap();
    place
}

async fn added(place: &Place, ours: &str, before: Option<&Exported>) -> Exported {
    let change = add(&place.file(), "tstack-x", ours, before).await.unwrap();
    let exported = change.exported().clone();
    change.write().unwrap();
    exported
}

#[tokio::test]
async fn it_goes_in_and_out_and_the_file_is_byte_for_byte_what_it_was() {
    let place = with_folder(THEIRS);
    fs_err::set_permissions(place.file(), std::fs::Permissions::from_mode(0o640)).unwrap();
    let exported = added(&place, OURS, None).await;
    assert!(is_current(&exported, OURS));
    assert!(place.text().contains("current-context: prod\n"), "it is not changed");
    assert_eq!(fs_err::metadata(place.file()).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(remove(&exported).await.unwrap(), Removed::Gone);
    assert_eq!(place.text(), THEIRS);
    assert_eq!(remove(&exported).await.unwrap(), Removed::Gone, "twice is as once");
    assert_eq!(place.others(), [] as [PathBuf; 0], "no lock is left");
}

#[tokio::test]
async fn a_new_file_is_its_owners_alone_has_our_context_and_goes_whole() {
    let place = Place::new();
    let exported = added(&place, OURS, None).await;
    assert_eq!(fs_err::metadata(place.file()).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(place.text().contains("current-context: tstack-x\n"), "{}", place.text());
    assert_eq!(remove(&exported).await.unwrap(), Removed::Gone);
    assert!(!place.file().parent().unwrap().exists(), "nor is the folder left that was made for it");
}

#[tokio::test]
async fn a_link_stays_a_link() {
    let place = with_folder(THEIRS);
    let real = place.0.path().join("real");
    fs_err::rename(place.file(), &real).unwrap();
    std::os::unix::fs::symlink(&real, place.file()).unwrap();
    let exported = added(&place, OURS, None).await;
    assert!(fs_err::symlink_metadata(place.file()).unwrap().is_symlink());
    assert!(fs_err::read_to_string(&real).unwrap().contains("tstack-x"));
    remove(&exported).await.unwrap();
    assert_eq!(fs_err::read_to_string(&real).unwrap(), THEIRS);
}

#[tokio::test]
async fn what_others_changed_meanwhile_stays() {
    let place = with_folder(THEIRS);
    let exported = added(&place, OURS, None).await;
    // another entry came, as kubectl adds one
    let text = place.text().replace("- name: prod\n", "- name: new\n  cluster: {server: 'https://new'}\n- name: prod\n");
    fs_err::write(place.file(), text).unwrap();
    assert!(is_current(&exported, OURS));
    assert_eq!(remove(&exported).await.unwrap(), Removed::Gone);
    let left = place.text();
    assert!(left.contains("https://new") && left.contains("https://prod") && !left.contains("tstack-x"), "{left}");
}

#[tokio::test]
async fn an_entry_that_was_changed_since_is_the_users() {
    let place = with_folder(THEIRS);
    let exported = added(&place, OURS, None).await;
    let text = place.text().replace("user: tstack-x\n", "user: tstack-x\n    namespace: web\n");
    fs_err::write(place.file(), &text).unwrap();
    assert!(!is_current(&exported, OURS));
    assert_eq!(remove(&exported).await.unwrap(), Removed::Changed);
    assert_eq!(place.text(), text);
}

#[tokio::test]
async fn a_cluster_that_was_made_anew_takes_the_place_of_the_old_one() {
    let place = with_folder(THEIRS);
    let first = added(&place, OURS, None).await;
    let anew = OURS.replace("40001", "40002");
    assert!(!is_current(&first, &anew));
    let second = added(&place, &anew, Some(&first)).await;
    assert!(place.text().contains("40002") && !place.text().contains("40001"), "{}", place.text());
    remove(&second).await.unwrap();
    assert_eq!(place.text(), THEIRS);
}

#[tokio::test]
async fn an_entry_of_the_name_that_is_not_ours_is_refused_and_so_is_what_cannot_be_read() {
    let theirs = "users:\n- name: tstack-x\n  user: {token: t}\n";
    for (text, said) in [(theirs, "that is not tstack's"), ("a: [", "cannot be changed safely"), ("- a\n", "cannot be changed safely")] {
        let place = with_folder(text);
        let failure = add(&place.file(), "tstack-x", OURS, None).await.err().unwrap();
        assert!(failure.what.contains(said), "{failure:?}");
        assert_eq!(place.text(), text);
        assert_eq!(place.others(), [] as [PathBuf; 0]);
    }
}

#[tokio::test]
async fn no_key_is_in_what_is_recorded() {
    let exported = added(&with_folder(THEIRS), OURS, None).await;
    let recorded = serde_json::to_string(&exported).unwrap();
    assert!(!recorded.contains("S0VZ"), "{recorded}");
    assert_eq!(serde_json::from_str::<Exported>(&recorded).unwrap(), exported);
}
