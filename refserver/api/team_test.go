package api

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

func (at *relay) path(more string) string { return "/staff/relays/" + at.id + more }

// team is who works there, by name.
func (at *relay) team() map[string]Member {
	at.manager.t.Helper()
	all := map[string]Member{}
	for _, m := range ok[struct{ Members []Member }](at.manager.call("GET", at.path("/members"), nil), 200).Members {
		all[m.Name] = m
	}
	return all
}

// changes is what the manager does to the team, with their password.
func (at *relay) changes(method, path string, body map[string]any, headers ...string) *reply {
	all := map[string]any{"secret": map[string]any{"password": at.Manager.Password}}
	maps.Copy(all, body)
	return at.manager.call(method, path, all, headers...)
}

// digits are those that somebody reads aloud from their own screen.
func (p *person) digits() string {
	p.t.Helper()
	return ok[struct{ Fingerprint string }](p.call("GET", "/staff/me", nil), 200).Fingerprint
}

func TestAWorkerWithNewKeysIsComparedAndLetInAgain(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	at, amina := tn.relay(t, "Accueil"), tn.resident(t)
	amina.follow(at)
	before := at.worker.digits()
	ok[struct{}](at.worker.call("POST", "/password", map[string]any{"old": at.helper.Password, "new": otherPassword, "knownToOthers": true}), 200)
	at.worker.call("GET", at.path("/people"), nil).refused(403, "key-changed")
	member := at.team()[at.helper.Name()]
	require.True(t, member.KeyChanged)
	renew := at.path("/members/" + member.Worker + "/renew")
	at.worker.call("POST", renew, map[string]any{"fingerprint": at.worker.digits()}).refused(403, "key-changed")
	at.changes("POST", renew, map[string]any{"fingerprint": before}).refused(422, "fingerprint")
	out := ok[struct{ Sheet *Sheet }](at.changes("POST", renew, map[string]any{"fingerprint": at.worker.digits()}), 200)
	require.Nil(t, out.Sheet, "they held nothing of the whole relay")
	require.False(t, at.team()[at.helper.Name()].KeyChanged)
	ok[Opened](at.opens(amina.id), 200)
	at.changes("POST", at.path("/members/"+amina.id+"/renew"), map[string]any{"fingerprint": before}).refused(404, "not-found")
}

func TestAManagerIsMadeAndUnmade(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	at := tn.relay(t, "Accueil")
	seen := `"help"`
	roles := func(who string, words ...string) *reply {
		return at.changes("PUT", at.path("/members/"+who+"/roles"), map[string]any{"roles": words}, "If-Match", seen)
	}
	helper, boss := at.helper.ID().String(), at.Manager.ID().String()
	roles(boss, "help").refused(403, "not-allowed")
	roles(helper, "rule").refused(422, "invalid")
	roles(helper).refused(422, "invalid")
	require.Nil(t, ok[struct{ Sheet *Sheet }](roles(helper, "help", "manage"), 200).Sheet)
	roles(helper, "manage").refused(412, "revision") // as if by another manager, who has not seen it
	seen = at.team()[at.helper.Name()].ETag
	require.Equal(t, `"help+manage"`, seen)
	ok[struct{ Members []Member }](at.worker.call("GET", at.path("/members"), nil), 200)
	sheet := ok[struct{ Sheet *Sheet }](roles(helper, "help"), 200).Sheet
	require.NotNil(t, sheet, "they held the keys of the whole relay")
	require.NotEqual(t, at.Sheet.Code, sheet.Code)
	at.worker.call("GET", at.path("/members"), nil).refused(403, "not-manager")
	at.worker.call("GET", at.path("/journal"), nil).refused(403, "not-manager")
	require.Equal(t, []string{"help"}, at.team()[at.helper.Name()].Roles)
	at.manager.call("POST", at.path("/keys"), map[string]any{}).refused(422, "invalid")
	for _, path := range []string{"/keys", "/members/" + helper + "/suspend", "/members/" + helper + "/remove"} {
		at.manager.call("POST", at.path(path), map[string]any{"secret": map[string]any{"password": "non"}}).refused(401, "sign-in")
		tn.passes(time.Minute)
	}
	require.Equal(t, "active", at.team()[at.helper.Name()].State, "an open session alone changes no team")
	again := ok[struct{ Sheet *Sheet }](at.changes("POST", at.path("/keys"), nil), 200).Sheet
	require.NotEqual(t, sheet.Code, again.Code, "a sheet that was lost is drawn anew")
}

func TestAnInvitationIsListedTakenBackAndWhoAskedIsToldHowItStands(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	at := tn.relay(t, "Accueil")
	type made struct{ Code, ID string }
	invite := func(label string) made {
		return ok[made](at.manager.call("POST", at.path("/invitations"), map[string]any{"roles": []string{"help"}, "label": label}), 201)
	}
	lost, good := invite("Lost"), invite("Samir")
	at.manager.call("POST", at.path("/invitations"), map[string]any{"roles": []string{"help"}, "label": "two\nlines"}).refused(422, "invalid")
	page := ok[struct {
		Invitations []Invitation
		Next        string
	}](at.manager.call("GET", at.path("/invitations?limit=1"), nil), 200)
	require.Len(t, page.Invitations, 1)
	require.NotEmpty(t, page.Next)
	reply := at.manager.call("GET", at.path("/invitations"), nil)
	all := ok[struct{ Invitations []Invitation }](reply, 200).Invitations
	require.Len(t, all, 2)
	require.NotContains(t, string(reply.Body), good.Code)
	at.worker.call("GET", at.path("/invitations"), nil).refused(403, "not-manager")
	at.worker.call("DELETE", at.path("/invitations/"+lost.ID), nil).refused(403, "not-manager")
	at.manager.call("DELETE", at.path("/invitations/nonsense"), nil).refused(404, "not-found")

	require.True(t, ok[struct{ Confirmed bool }](at.manager.call("DELETE", at.path("/invitations/"+lost.ID), nil), 200).Confirmed)
	at.manager.call("DELETE", at.path("/invitations/"+lost.ID), nil).refused(404, "not-found")
	samir := tn.enrolled(t, good.Code, "Samir")
	samir.call("POST", "/staff/join", map[string]any{"code": lost.Code}).refused(403, "invitation")

	asked := func() []AskedRelay {
		return ok[struct{ Asked []AskedRelay }](samir.call("GET", "/staff/join", nil), 200).Asked
	}
	require.Empty(t, asked())
	ok[struct{}](samir.call("POST", "/staff/join", map[string]any{"code": good.Code}), 201)
	require.Len(t, asked(), 1)
	require.Equal(t, "Accueil", asked()[0].Relay.Name)
	require.True(t, asked()[0].Waiting)
	who := ok[struct{ Requests []JoinRequest }](at.manager.call("GET", at.path("/requests"), nil), 200).Requests[0].Worker
	at.worker.call("DELETE", at.path("/requests/"+who), nil).refused(403, "not-manager")
	at.manager.call("DELETE", at.path("/requests/nonsense"), nil).refused(404, "not-found")
	require.True(t, ok[struct{ Confirmed bool }](at.manager.call("DELETE", at.path("/requests/"+who), nil), 200).Confirmed)
	at.manager.call("DELETE", at.path("/requests/"+who), nil).refused(404, "not-found")
	require.False(t, asked()[0].Waiting, "refused")
	again := invite("Samir")
	ok[struct{}](samir.call("POST", "/staff/join", map[string]any{"code": again.Code}), 201)
	require.True(t, asked()[0].Waiting)
	samir.call("DELETE", "/staff/join/nonsense", nil).refused(404, "not-found")
	samir.call("DELETE", "/staff/join/"+at.id, nil).done(204)
	samir.call("DELETE", "/staff/join/"+at.id, nil).refused(404, "not-found")
	require.Empty(t, asked())
	require.Empty(t, ok[struct{ Requests []JoinRequest }](at.manager.call("GET", at.path("/requests"), nil), 200).Requests)
}

// Nobody gives a password back: the worker comes with a new account.
func TestWhoForgotTheirPasswordIsReplacedByTheirNewAccount(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	at, amina := tn.relay(t, "Accueil"), tn.resident(t)
	amina.follow(at)
	code := ok[struct{ Code string }](at.manager.call("POST", at.path("/invitations"), map[string]any{"roles": []string{"help"}}), 201).Code
	again := tn.enrolled(t, code, "Samir")
	ok[struct{}](again.call("POST", "/staff/join", map[string]any{"code": code}), 201)
	fresh := ok[struct{ ID string }](again.call("GET", "/staff/me", nil), 200).ID
	old := at.helper.ID().String()
	body := map[string]any{"worker": fresh, "fingerprint": at.worker.digits(), "roles": []string{"help"}}
	replace := func(who string) *reply { return at.changes("POST", at.path("/members/"+who+"/replace"), body) }
	replace(old).refused(422, "fingerprint")
	body["fingerprint"] = again.digits()
	replace(amina.id).refused(404, "not-found")
	replace(fresh).refused(422, "invalid")
	require.Contains(t, at.team(), at.helper.Name(), "until then nothing has changed")
	require.NotContains(t, at.team(), "Samir")
	ok[struct{}](replace(old), 200)
	require.NotContains(t, at.team(), at.helper.Name())
	at.worker.call("GET", at.path("/people"), nil).refused(403, "not-member")
	at.worker = again
	ok[Opened](at.opens(amina.id), 200)
}

func TestTheLastManagerIsWarnedAndTheSheetIsTheWayBack(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	at := tn.relay(t, "Accueil")
	change := map[string]any{"old": at.Manager.Password, "new": otherPassword, "knownToOthers": true}
	at.manager.call("POST", "/password", change).refused(409, "last-manager")
	at.manager.call("PUT", "/staff/name", map[string]any{"name": "Mona"}).refused(409, "last-manager")
	at.manager.call("PUT", "/staff/name", map[string]any{"name": at.Manager.Name()}).done(204)
	at.worker.call("PUT", "/staff/name", map[string]any{"name": at.helper.Name()}).done(204)
	require.Len(t, at.team(), 2, "nothing has happened yet")
	change["lastManager"] = true
	ok[struct{}](at.manager.call("POST", "/password", change), 200)
	at.manager.call("GET", at.path("/members"), nil).refused(403, "key-changed")

	sheet := map[string]any{"login": at.Sheet.Login, "code": "0000 0000 0000 0000 0000 0000"}
	at.manager.call("POST", "/staff/recover", sheet).refused(422, "invalid")
	sheet["code"] = tn.stage.Relay(t, "Ailleurs").Sheet.Code
	at.manager.call("POST", "/staff/recover", sheet).refused(401, "sign-in")
	sheet["code"] = at.Sheet.Code
	tn.passes(time.Minute)
	back := ok[struct {
		Relay string
		Sheet Sheet
	}](at.manager.call("POST", "/staff/recover", sheet), 200)
	require.Equal(t, at.id, back.Relay)
	require.Len(t, at.team(), 2)
	at.manager.call("POST", "/staff/recover", sheet).refused(401, "sign-in")

	// Somebody who helps may use the sheet as well: that is what it is for.
	ok[struct{}](at.worker.call("POST", "/staff/recover", map[string]any{"login": back.Sheet.Login, "code": back.Sheet.Code}), 200)
	require.Equal(t, []string{"help", "manage"}, at.team()[at.helper.Name()].Roles)
	ok[struct{}](at.manager.call("POST", at.path("/leave"), nil), 200)
}

func TestAManagerReadsWhatHappenedAtTheRelay(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	at, amina := tn.relay(t, "Accueil"), tn.resident(t)
	amina.follow(at)
	desk := tn.staff(t, at.Hire(t, "Desk", consent.RoleManage))
	ok[struct{}](at.worker.call("GET", at.path("/people"), nil), 200)
	read := func(p *person) (all []RelayEntry) {
		for next := uint64(0); ; {
			page := ok[struct {
				Entries []RelayEntry
				Next    uint64
			}](p.call("GET", at.path(fmt.Sprintf("/journal?limit=5&before=%d", next)), nil), 200)
			require.LessOrEqual(t, len(page.Entries), 5)
			all = append(all, page.Entries...)
			if next = page.Next; next == 0 {
				return all
			}
		}
	}
	says := func(all []RelayEntry, act vault.Act, by, about string) bool {
		return slices.ContainsFunc(all, func(e RelayEntry) bool { return e.Act == string(act) && e.Actor.Name == by && e.About == about })
	}
	all := read(at.manager)
	require.True(t, says(all, vault.ActGranted, at.Manager.Name(), at.helper.Name()))
	require.True(t, says(all, vault.ActHolderAdded, at.Manager.Name(), "Desk"))
	numbers := map[uint64]bool{}
	for _, e := range all {
		require.False(t, numbers[e.Number], "no line twice")
		numbers[e.Number] = true
	}
	require.True(t, slices.ContainsFunc(all, func(e RelayEntry) bool { return e.Name == "Amina K." }))
	require.False(t, slices.ContainsFunc(read(desk), func(e RelayEntry) bool { return e.Name == "Amina K." }), "nobody reads names because they manage")
	at.manager.call("GET", at.path("/journal?limit=0"), nil).refused(422, "invalid")
}

func TestARelayIsToldOnceMoreThatItFollows(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	at, amina := tn.relay(t, "Accueil"), tn.resident(t)
	amina.follow(at)
	again := "/followers/" + amina.followers()[0].Grant + "/send-again"
	people := func() []Person {
		return ok[struct{ People []Person }](at.worker.call("GET", at.path("/people"), nil), 200).People
	}
	for range 2 { // before and after it was taken in
		amina.call("POST", again, nil).done(204)
		require.Len(t, people(), 1)
	}
	amina.call("POST", "/followers/"+amina.id+"/send-again", nil).refused(404, "not-found")
	ok[struct{}](amina.call("DELETE", "/followers/"+amina.followers()[0].Grant, nil), 200)
	amina.call("POST", again, nil).refused(403, "ended")
	require.Empty(t, people())
}
