package api

import (
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/internal/testservices"
	"reconnect.example/storage/postgresstore"
	"reconnect.example/vault"
)

// newAccount is what a worker and a person enter together.
func newAccount() map[string]any {
	return map[string]any{
		"name": "Ibrahim", "password": "quatre mots que nul ne sait", "pin": "482915", "scope": "see-and-add", "device": "écran du relais",
		"account": map[string]any{"notice": read("Ce que nous gardons."), "agreed": true},
		"follow":  map[string]any{"notice": read("Ce que ce centre pourra voir."), "agreed": true},
	}
}

type opening struct {
	ID, Login, Card, Token string
	Receipt                consent.Receipt
	Confirmed              bool
}

func TestStory1_AWorkerOpensASpaceWithAPerson(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	story1(t, tn, tn.relay(t, "Accueil"))
}

func story1(t *testing.T, tn *town, at *relay) *person {
	t.Helper()
	opened := ok[opening](at.worker.call("POST", "/staff/relays/"+at.id+"/accounts", newAccount()), 201)
	require.True(t, opened.Confirmed)
	require.NoError(t, opened.Receipt.Verify(tn.stage.PublicKey()))
	ibrahim := &person{t: t, s: tn.server, login: opened.Login, token: opened.Token}
	photo := ok[Item](ibrahim.upload("Acte%20de%20naissance", paper(3, 5000)), 201)
	require.Equal(t, "private", photo.Compartment)

	byCard := ok[signedIn](tn.stranger(t).call("POST", "/sessions/card", map[string]any{"card": opened.Card, "pin": "٤٨٢٩١٥"}), 201)
	require.Equal(t, opened.ID, byCard.ID)
	require.Equal(t, paper(3, 5000), ibrahim.as(byCard.Token).content(photo.ID).Body)
	tn.stranger(t).call("POST", "/sessions/card", map[string]any{"card": opened.Card, "pin": "482916"}).refused(401, "sign-in")
	ok[signedIn](tn.stranger(t).call("POST", "/sessions", map[string]any{"login": opened.Login, "password": newAccount()["password"]}), 201)

	people := ok[struct{ People []Person }](at.worker.call("GET", "/staff/relays/"+at.id+"/people", nil), 200).People
	require.Len(t, people, 1)
	require.Equal(t, "Ibrahim", people[0].Name)
	require.Equal(t, opened.ID, people[0].ID)
	require.Empty(t, ok[struct{ Drafts []Draft }](at.worker.call("GET", "/staff/relays/"+at.id+"/drafts", nil), 200).Drafts)
	ok[Opened](at.opens(opened.ID), 200)
	at.worker.content(photo.ID).refused(404, "not-found")
	return ibrahim
}

// Whoever does not want to be followed by who opened the account with them is not.
func TestAnAccountIsOpenedWithoutLettingTheRelayIn(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	at := tn.relay(t, "Accueil")
	alone := newAccount()
	delete(alone, "follow")
	at.worker.call("POST", "/staff/relays/"+at.id+"/accounts", alone).refused(422, "invalid")
	alone["scope"] = "none"
	opened := ok[struct {
		Token   string
		Receipt *consent.Receipt
	}](at.worker.call("POST", "/staff/relays/"+at.id+"/accounts", alone), 201)
	require.Nil(t, opened.Receipt)
	require.Empty(t, ok[struct{ People []Person }](at.worker.call("GET", "/staff/relays/"+at.id+"/people", nil), 200).People)
	require.Empty(t, ok[struct{ Drafts []Draft }](at.worker.call("GET", "/staff/relays/"+at.id+"/drafts", nil), 200).Drafts)
	nour := &person{t: t, s: tn.server, token: opened.Token}
	require.Empty(t, ok[struct{ Followers []any }](nour.call("GET", "/followers", nil), 200).Followers)
}

func TestStory2_AnyCentre(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	story2(t, tn, tn.resident(t), tn.relay(t, "Abri du pont"))
}

// story2 is somebody who walks into a centre that does not follow them.
func story2(t *testing.T, tn *town, amina *resident, at *relay) {
	t.Helper()
	one, two := ok[Item](amina.upload("Carte", paper(1, 900)), 201), ok[Item](amina.upload("Bail", paper(2, 900)), 201)
	kept := ok[Item](amina.upload("Jugement", paper(3, 900)), 201)
	card := ok[struct{ Code string }](amina.call("POST", "/card", map[string]any{"pin": "902741", "secret": amina.secret()}), 201)
	amina.person = amina.as(ok[signedIn](tn.stranger(t).call("POST", "/sessions/card", map[string]any{"card": card.Code, "pin": "902741"}), 201).Token)

	shown := ok[struct{ Code, Fingerprint string }](at.worker.call("GET", "/staff/relays/"+at.id+"/visit-code", nil), 200)
	looked := ok[Visitor](amina.call("POST", "/visits/look", map[string]any{"code": shown.Code}), 200)
	require.Equal(t, at.id, looked.Relay.ID)
	require.Equal(t, shown.Fingerprint, looked.Fingerprint)
	visit := map[string]any{
		"code": shown.Code, "items": []string{one.ID, two.ID}, "minutes": 60, "name": "Amina", "agreed": true, "notice": read("Pour une heure."),
		"secret": map[string]any{"card": card.Code, "pin": "902741"},
	}
	visit["items"] = []string{}
	amina.call("POST", "/visits", visit).refused(422, "invalid")
	visit["items"] = []string{one.ID, two.ID}
	r := ok[agreed](amina.call("POST", "/visits", visit), 201)
	require.NoError(t, r.Receipt.Verify(tn.stage.PublicKey()))
	began := tn.stage.Clock.Now()

	visits := ok[struct{ Visits []Visiting }](at.worker.call("GET", "/staff/relays/"+at.id+"/visits", nil), 200).Visits
	require.Len(t, visits, 1)
	require.Equal(t, "Amina", visits[0].Name)
	amina.call("POST", "/followers/"+visits[0].Grant+"/send-again", nil).refused(404, "not-found")
	ok[Opened](at.worker.call("POST", "/staff/relays/"+at.id+"/visits/"+visits[0].Grant+"/open", map[string]any{"purpose": housing}), 200)
	require.ElementsMatch(t, []string{"Carte", "Bail"}, at.worker.documents())
	require.Equal(t, paper(1, 900), at.worker.content(one.ID).Body)
	at.worker.content(kept.ID).refused(404, "not-found")
	at.worker.upload("Autre", []byte("x")).refused(403, "not-allowed")
	people := ok[struct{ People []Person }](at.worker.call("GET", "/staff/relays/"+at.id+"/people", nil), 200).People
	require.False(t, slices.ContainsFunc(people, func(p Person) bool { return p.ID == amina.id }), "a visitor is not followed")

	for minute := 10; minute < 60; minute += 10 { // both are at it all the time
		tn.stage.Clock.Set(began.Add(time.Duration(minute) * time.Minute))
		require.Equal(t, 200, at.worker.content(two.ID).Status)
		require.Equal(t, 200, amina.call("GET", "/overview", nil).Status)
	}
	tn.stage.Clock.Set(began.Add(time.Hour - time.Second))
	require.Equal(t, paper(2, 900), at.worker.content(two.ID).Body)
	tn.stage.Clock.Set(began.Add(time.Hour + time.Second))
	at.worker.content(two.ID).refused(409, "nothing-open")
	require.Empty(t, ok[struct{ Visits []Visiting }](at.worker.call("GET", "/staff/relays/"+at.id+"/visits", nil), 200).Visits)
	at.worker.call("POST", "/staff/relays/"+at.id+"/visits/"+visits[0].Grant+"/open", map[string]any{"purpose": housing}).refused(404, "not-found")
}

func TestAVisitIsRefusedOneSecondPastItsEndInTheSessionThatHasItOpen(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	at, amina := tn.relay(t, "Abri du pont"), tn.resident(t)
	item := ok[Item](amina.upload("Carte", paper(1, 900)), 201)
	code := ok[struct{ Code string }](at.worker.call("GET", "/staff/relays/"+at.id+"/visit-code", nil), 200).Code
	ok[agreed](amina.call("POST", "/visits", map[string]any{
		"code": code, "items": []string{item.ID}, "minutes": 5, "name": "Amina", "agreed": true, "notice": read("Cinq minutes."), "secret": amina.secret(),
	}), 201)
	began := tn.stage.Clock.Now()
	grant := ok[struct{ Visits []Visiting }](at.worker.call("GET", "/staff/relays/"+at.id+"/visits", nil), 200).Visits[0].Grant
	ok[Opened](at.worker.call("POST", "/staff/relays/"+at.id+"/visits/"+grant+"/open", map[string]any{"purpose": housing}), 200)
	tn.stage.Clock.Set(began.Add(5*time.Minute - time.Second))
	require.Equal(t, 200, at.worker.content(item.ID).Status)
	tn.stage.Clock.Set(began.Add(5*time.Minute + time.Second))
	at.worker.content(item.ID).refused(409, "nothing-open")
	at.worker.call("GET", "/staff/opened", nil).refused(409, "nothing-open")
}

func TestAPersonEndsAVisitAtATap(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	at, amina := tn.relay(t, "Abri du pont"), tn.resident(t)
	item := amina.shares("Carte")
	code := ok[struct{ Code string }](at.worker.call("GET", "/staff/relays/"+at.id+"/visit-code", nil), 200).Code
	ok[agreed](amina.call("POST", "/visits", map[string]any{
		"code": code, "minutes": 60, "name": "Amina", "agreed": true, "notice": read("Une heure."), "secret": amina.secret(),
	}), 201)
	grant := amina.followers()[0].Grant
	ok[Opened](at.worker.call("POST", "/staff/relays/"+at.id+"/visits/"+grant+"/open", map[string]any{"purpose": housing}), 200)
	require.Equal(t, 200, at.worker.content(item.ID).Status)
	ok[agreed](amina.call("DELETE", "/visits/"+grant, nil), 200)
	at.worker.content(item.ID).refused(409, "nothing-open")
}

func TestStory8_ThePersonWithdrawsAndADownloadUnderWayBreaksOff(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	story8(t, tn, tn.resident(t), tn.relay(t, "Accueil"), tn.relay(t, "Abri"))
}

func story8(t *testing.T, tn *town, amina *resident, at, other *relay) {
	t.Helper()
	const size = 40_000_000 // more than sockets hold
	item := ok[Item](amina.upload("Radio", paper(1, size), headerCompartment, "shared"), 201)
	amina.follow(at)
	amina.follow(other)
	amina.call("POST", "/followers", map[string]any{
		"relay": at.id, "scope": "see", "name": "A", "secret": amina.secret(), "notice": read("x"), "agreed": true,
	}).refused(409, "followed")
	ok[Opened](at.opens(amina.id), 200)
	response, err := tn.Client().Do(at.worker.request("GET", "/documents/"+item.ID+"/content", nil))
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
	_, err = io.ReadFull(response.Body, make([]byte, 1000))
	require.NoError(t, err)

	var grant string
	for _, f := range amina.followers() {
		require.True(t, f.InForce)
		if f.Relay == at.id {
			grant = f.Grant
		}
	}
	ended := ok[agreed](amina.call("POST", "/followers/"+grant+"/end", map[string]any{"secret": amina.secret()}), 200)
	require.NoError(t, ended.Receipt.Verify(tn.stage.PublicKey()))
	require.Equal(t, consent.StateWithdrawn, ended.Receipt.Event.State)
	tn.passes(2 * time.Second) // the gate asks at least that often while bytes flow
	rest, err := io.ReadAll(response.Body)
	require.Error(t, err, "never a success")
	require.Less(t, len(rest)+1000, size)

	at.worker.content(item.ID).refused(409, "nothing-open")
	at.opens(amina.id).refused(404, "not-found")
	require.Empty(t, ok[struct{ People []Person }](at.worker.call("GET", "/staff/relays/"+at.id+"/people", nil), 200).People)
	ok[Opened](other.opens(amina.id), 200)
	require.Equal(t, []string{"Radio"}, other.worker.documents(), "the other relay goes on under the new keys")
	require.Equal(t, 200, other.worker.content(item.ID).Status)

	all := ok[struct{ Receipts []consent.Receipt }](amina.call("GET", "/receipts", nil), 200).Receipts
	require.Len(t, all, 3)
	one := ok[consent.Receipt](amina.call("GET", "/receipts/"+ended.Receipt.ID, nil), 200)
	require.NoError(t, one.Verify(tn.stage.PublicKey()))
	amina.call("GET", "/receipts/nothing", nil).refused(404, "not-found")
	require.Contains(t, string(amina.call("GET", "/journal", nil).Body), string(vault.ActGrantEnded))
	amina.call("DELETE", "/followers/"+grant, nil).refused(403, "ended")
	amina.call("DELETE", "/followers/nonsense", nil).refused(404, "not-found")
}

func TestStory9_AWorkerLeavesAndEveryoneElseGoesOn(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	story9(t, tn, tn.resident(t), tn.relay(t, "Accueil"))
}

func story9(t *testing.T, tn *town, amina *resident, at *relay) {
	t.Helper()
	letter := amina.shares("Lettre")
	amina.follow(at)
	stays := tn.staff(t, at.Hire(t, "Lucie", consent.RoleHelp))
	ok[Opened](at.opens(amina.id), 200)
	require.Equal(t, 200, at.worker.content(letter.ID).Status)

	team := ok[struct{ Members []Member }](at.manager.call("GET", "/staff/relays/"+at.id+"/members", nil), 200).Members
	require.Len(t, team, 3)
	at.worker.call("GET", "/staff/relays/"+at.id+"/members", nil).refused(403, "not-manager")
	at.worker.call("POST", "/staff/relays/"+at.id+"/members/"+at.Manager.ID().String()+"/remove", map[string]any{"secret": map[string]any{"password": at.helper.Password}}).refused(403, "not-manager")
	out := ok[struct{ Sheet *Sheet }](at.changes("POST", "/staff/relays/"+at.id+"/members/"+at.helper.ID().String()+"/remove", nil), 200)
	require.Nil(t, out.Sheet, "they held nothing of the whole relay")

	// Gone at once: what was open, the list, and the way in.
	require.Contains(t, []int{403, 409}, at.worker.content(letter.ID).Status)
	require.Equal(t, 403, at.worker.call("GET", "/staff/relays/"+at.id+"/people", nil).Status)
	require.Equal(t, 403, at.opens(amina.id).Status)
	ok[struct{}](at.worker.call("GET", "/staff/me", nil), 200) // their own account stays theirs

	ok[Opened](stays.call("PUT", "/staff/opened", map[string]any{"relay": at.id, "vault": amina.id, "purpose": housing}), 200)
	require.Equal(t, "this is Lettre", string(stays.content(letter.ID).Body))
	at.manager.call("POST", "/staff/relays/"+at.id+"/leave", nil).refused(409, "last-manager")
}

func TestStory10_ARelayWithoutALicenceOpensNoAccountAndGoesOnOtherwise(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	story10(t, tn, tn.resident(t), tn.relay(t, "Accueil"))
}

func story10(t *testing.T, tn *town, amina *resident, at *relay) {
	t.Helper()
	letter := amina.shares("Lettre")
	amina.follow(at)
	state := func() string {
		return ok[struct{ Status string }](at.manager.call("GET", "/staff/relays/"+at.id+"/licence", nil), 200).Status
	}
	require.Equal(t, "in-force", state())
	tn.licence(t, at.ID, "2025-01-01", "2025-12-31")
	tn.passes(time.Minute)
	require.Equal(t, "expired", state())
	at.worker.call("POST", "/staff/relays/"+at.id+"/accounts", newAccount()).refused(409, "licence")
	require.Empty(t, ok[struct{ Drafts []Draft }](at.worker.call("GET", "/staff/relays/"+at.id+"/drafts", nil), 200).Drafts)

	ok[Opened](at.opens(amina.id), 200)
	require.Equal(t, 200, at.worker.content(letter.ID).Status)
	ok[Item](at.worker.upload("Attestation", []byte("x")), 201)
	counts := ok[map[string]string](at.manager.call("GET", "/staff/relays/"+at.id+"/counts", nil), 200)
	require.Equal(t, "<10", counts["followed"])
}

func TestStory11_ThePersonReadsWhoOpenedWhichPaperAndWhy(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	story11(t, tn.resident(t), tn.relay(t, "Accueil"))
}

func story11(t *testing.T, amina *resident, at *relay) {
	t.Helper()
	letter, other := amina.shares("Lettre"), amina.shares("Autre")
	amina.follow(at)
	ok[Opened](at.opens(amina.id), 200)
	for range 2 {
		require.Equal(t, 200, at.worker.content(letter.ID).Status)
	}
	type seen struct{ Seen []Seen }
	who := ok[seen](amina.call("GET", "/items/"+letter.ID+"/seen", nil), 200).Seen
	require.Len(t, who, 1)
	require.Equal(t, 2, who[0].Times)
	require.Equal(t, "Samir of "+at.Name, who[0].By.Name)
	require.Equal(t, at.Name, who[0].By.Relay)
	require.Equal(t, "Les Amis", who[0].By.Organisation)
	require.Empty(t, ok[seen](amina.call("GET", "/items/"+other.ID+"/seen", nil), 200).Seen)
	found := false
	for _, e := range ok[struct{ Entries []Entry }](amina.call("GET", "/journal", nil), 200).Entries {
		if e.Item == letter.ID && e.Actor.Kind == "worker" {
			found = true
			require.Equal(t, "housing: demande de logement", e.Purpose)
			require.Equal(t, at.id, e.Actor.RelayID)
		}
	}
	require.True(t, found)
}

// The same stories over a real server of records, in one town.
func TestTheStoriesOverPostgreSQL(t *testing.T) {
	t.Parallel()
	url := testservices.Postgres(t)
	records, err := postgresstore.Open(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, records.Close()) })
	tn := newTown(t, &townOptions{records: records})
	at, other := tn.relay(t, "Accueil"), tn.relay(t, "Abri")
	story1(t, tn, at)
	story11(t, tn.resident(t), at)
	story8(t, tn, tn.resident(t), other, at)
	story9(t, tn, tn.resident(t), other)
	story10(t, tn, tn.resident(t), at)
	story2(t, tn, tn.resident(t), at)
	story12(t, tn, tn.resident(t), at, tn.relay(t, "Quai"))
}
