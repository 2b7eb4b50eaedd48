package api

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/quota"
	"reconnect.example/vault"
)

const otherPassword = "soleil-panier-montagne-3"

func TestPasswordIsChangedWithTheOldOneAndEndsOtherSessions(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	other := p.as(ok[signedIn](p.signIn(goodPassword, ""), 201).Token)
	p.call("POST", "/password", map[string]any{"old": "pas-le-bon", "new": otherPassword}).refused(401, "sign-in")
	p.call("POST", "/password", map[string]any{"old": goodPassword, "new": "x"}).refused(422, "invalid")
	p.call("POST", "/password", map[string]any{"new": otherPassword}).refused(422, "invalid")
	ok[listed](other.call("GET", "/items", nil), 200)

	done := ok[struct{ Confirmed bool }](p.call("POST", "/password", map[string]any{"old": goodPassword, "new": otherPassword}), 200)
	require.True(t, done.Confirmed)
	other.call("GET", "/items", nil).refused(401, "session-ended")
	ok[listed](p.call("GET", "/items", nil), 200)
	p.signIn(goodPassword, "").refused(401, "sign-in")
	ok[signedIn](p.signIn(otherPassword, ""), 201)
}

func TestPasswordKnownToOthersChangesTheKeysAndKeepsEverything(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	content := paper(1, 3000)
	item := ok[Item](p.upload("Carte", content), 201)
	ok[struct{}](p.call("POST", "/password", map[string]any{"old": goodPassword, "new": otherPassword, "knownToOthers": true}), 200)
	require.Equal(t, content, p.call("GET", "/documents/"+item.ID+"/content", nil).Body)
	again := p.as(ok[signedIn](p.signIn(otherPassword, ""), 201).Token)
	require.Equal(t, content, again.call("GET", "/documents/"+item.ID+"/content", nil).Body)
}

func TestOverviewAndCountsShowTheSituation(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	ok[Item](p.upload("Ancienne carte", paper(1, 10), headerExpires, "2020-01-01"), 201)
	ok[Item](p.upload("Carte", paper(1, 10), headerExpires, "2099-01-01", headerCompartment, "shared"), 201)
	ok[Item](p.call("POST", "/appointments", map[string]any{
		"name": "Préfecture", "appointment": map[string]any{"start": "2091-03-04T08:30:00Z", "zone": "Europe/Paris"},
	}), 201)
	type situation struct {
		Counts         Counts
		Space          Space
		Next, Expiring []Item
		Notices        []string
	}
	o := ok[situation](p.call("GET", "/overview", nil), 200)
	require.Equal(t, 2, o.Counts.Documents)
	require.Equal(t, 1, o.Counts.Appointments)
	require.Equal(t, 2, o.Counts.Private)
	require.Len(t, o.Next, 1)
	require.Len(t, o.Expiring, 1)
	require.Equal(t, "Ancienne carte", o.Expiring[0].Name)
	require.Empty(t, o.Notices)
	require.Equal(t, o.Counts, ok[Counts](p.call("GET", "/counts", nil), 200))
	require.Equal(t, o.Space, ok[Space](p.call("GET", "/usage", nil), 200))
	require.EqualValues(t, 150_000_000, o.Space.Limit)
	require.Equal(t, o.Space.Limit, o.Space.Used+o.Space.Reserved+o.Space.Left)
}

func TestJournalTellsEveryAccessPageByPage(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	item := ok[Item](p.upload("Carte", paper(1, 10)), 201)
	require.Equal(t, 200, p.call("GET", "/documents/"+item.ID+"/content", nil).Status)
	type page struct {
		Entries []Entry
		Next    uint64
	}
	var acts []string
	for before, last := uint64(0), uint64(0); ; {
		got := ok[page](p.call("GET", fmt.Sprintf("/journal?limit=2&before=%d", before), nil), 200)
		for _, e := range got.Entries {
			require.True(t, last == 0 || e.Number == last-1, "newest first, without gaps")
			last = e.Number
			acts = append(acts, e.Act)
			if e.Act == string(vault.ActDownloaded) {
				require.Equal(t, item.ID, e.Item)
				require.Equal(t, "Carte", e.Name)
				require.Equal(t, "person", e.Actor.Kind)
			}
		}
		if before = got.Next; before == 0 {
			require.EqualValues(t, 1, last)
			break
		}
	}
	for _, act := range []vault.Act{vault.ActCreated, vault.ActAdded, vault.ActDownloaded} {
		require.Contains(t, acts, string(act))
	}
	p.call("GET", "/journal?limit=0", nil).refused(422, "invalid")
	p.call("GET", "/journal?before=-1", nil).refused(422, "invalid")
}

func TestMoreSpaceIsAskedForAndGranted(t *testing.T) {
	t.Parallel()
	s := newServer(t, serverOptions{allowance: 300_000})
	p := s.newPerson(t)
	content := paper(1, 400_000)
	full := p.upload("Radio", content).refused(507, "full")
	require.NotNil(t, full.Left)
	require.Less(t, *full.Left, int64(400_000))
	require.Greater(t, *full.Wanted, int64(400_000))

	asked := ok[SpaceRequest](p.call("POST", "/space-requests", map[string]any{"reason": "une radio du genou"}), 201)
	require.Equal(t, "waiting", asked.State)
	p.call("POST", "/space-requests", map[string]any{"reason": "encore"}).refused(409, "pending")
	p.call("POST", "/space-requests", map[string]any{}).refused(422, "invalid")
	p.call("POST", "/space-requests", map[string]any{"reason": strings.Repeat("x", 501)}).refused(422, "invalid")

	_, err := s.vaults.DecideSpace(t.Context(), p.vault.ID(), quota.Decision{Number: asked.Number, Approve: true, By: "opérateur", Why: "oui"})
	require.NoError(t, err)
	list := ok[struct{ Requests []SpaceRequest }](p.call("GET", "/space-requests", nil), 200).Requests
	require.Len(t, list, 1)
	require.Equal(t, "approved", list[0].State)
	require.Equal(t, "une radio du genou", list[0].Reason)
	require.NotNil(t, list[0].Decided)
	ok[Item](p.upload("Radio", content), 201)
	usage := ok[struct {
		Space
		Largest []Item
	}](p.call("GET", "/usage", nil), 200)
	require.EqualValues(t, 600_000, usage.Limit)
	require.Len(t, usage.Largest, 1)
}

func TestEverythingLeavesInOneFile(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	content := paper(1, 300_000)
	ok[Item](p.upload("Carte", content), 201)
	got := p.call("GET", "/export", nil)
	require.Equal(t, 200, got.Status)
	require.Equal(t, "application/zip", got.Header.Get("Content-Type"))
	require.Equal(t, `attachment; filename="reconnect-export.zip"`, got.Header.Get("Content-Disposition"))
	archive, err := zip.NewReader(bytes.NewReader(got.Body), int64(len(got.Body)))
	require.NoError(t, err)
	found := false
	for _, f := range archive.File {
		r, err := f.Open()
		require.NoError(t, err)
		inside, err := io.ReadAll(r)
		require.NoError(t, err)
		found = found || bytes.Equal(inside, content)
	}
	require.True(t, found)
	require.Equal(t, "reconnect/tagmanifest-sha256.txt", archive.File[len(archive.File)-1].Name)
	p.call("HEAD", "/export", nil).done(200)
}

func TestExportThatFailsHalfWayNeverLooksComplete(t *testing.T) {
	t.Parallel()
	s := newServer(t, serverOptions{})
	p := s.newPerson(t)
	ok[Item](p.upload("Carte", paper(1, 40_000_000)), 201)
	response, err := s.Client().Do(p.request("GET", "/export", nil))
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, 200, response.StatusCode)
	_, err = io.ReadFull(response.Body, make([]byte, 1000))
	require.NoError(t, err)
	// More is to come than sockets hold, and it is gone behind the back of the server.
	require.NoError(t, s.vaults.Store.Close())
	_, err = io.ReadAll(response.Body)
	require.Error(t, err)
}

func TestClosedAccountIsReadAndExportedButNotChangedUntilReopened(t *testing.T) {
	t.Parallel()
	s := commonServer(t)
	p := s.newPerson(t)
	item := ok[Item](p.upload("Carte", paper(1, 10)), 201)
	p.call("POST", "/account/close", map[string]any{"password": "non"}).refused(401, "sign-in")
	p.call("POST", "/account/close", nil).refused(400, "request")
	closed := p.call("POST", "/account/close", map[string]any{"password": goodPassword})
	s.verify(t, closed, vault.ActClosed)

	require.Contains(t, string(p.call("GET", "/overview", nil).Body), `"notices":["closing"]`)
	require.Equal(t, 200, p.call("GET", "/documents/"+item.ID+"/content", nil).Status)
	require.Equal(t, 200, p.call("GET", "/export", nil).Status)
	p.upload("Autre", paper(2, 10)).refused(409, "closing")
	p.call("POST", "/folders", map[string]any{"name": "x"}).refused(409, "closing")
	p.call("PATCH", "/items/"+item.ID, map[string]any{"name": "x"}, "If-Match", `"1"`).refused(409, "closing")
	p.call("POST", "/account/close", map[string]any{"password": goodPassword}).refused(409, "closing")

	ok[struct{}](p.call("POST", "/account/reopen", nil), 200)
	p.call("POST", "/account/reopen", nil).refused(422, "invalid")
	ok[Item](p.upload("Autre", paper(2, 10)), 201)
}

func TestErasedAccountIsGoneAndTheReceiptIsSigned(t *testing.T) {
	t.Parallel()
	s := commonServer(t)
	p := s.newPerson(t)
	ok[Item](p.upload("Carte", paper(1, 10)), 201)
	p.call("POST", "/account/erase", map[string]any{"password": "non"}).refused(401, "sign-in")
	ok[listed](p.call("GET", "/items", nil), 200)

	s.verify(t, p.call("POST", "/account/erase", map[string]any{"password": goodPassword}), vault.ActErased)
	p.call("GET", "/items", nil).refused(401, "session-ended")
	p.signIn(goodPassword, "").refused(401, "sign-in")
}

// verify holds that the answer is a receipt as the library reads and checks it.
func (s *server) verify(t *testing.T, answer *reply, act vault.Act) {
	t.Helper()
	require.Equal(t, http.StatusOK, answer.Status, "%s", answer.Body)
	receipt, err := vault.ParseReceipt(answer.Body)
	require.NoError(t, err)
	require.Equal(t, act, receipt.Act)
	require.NoError(t, receipt.Verify(s.vaults.PublicKey()))
	var again bytes.Buffer
	require.NoError(t, json.NewEncoder(&again).Encode(receipt))
	require.JSONEq(t, again.String(), string(answer.Body), "nothing is left out")
}
