package api

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/session"
)

type linkList struct {
	Links []Link
	Inbox Inbox
}

// leavesBy leaves a file with the code of a link, as a form of a browser does.
func (p *person) leavesBy(code, name string, content []byte) *reply {
	p.t.Helper()
	body, kind := formLeft(p.t, "code", code, name, content)
	return p.send("POST", "/leave/documents", body, "Content-Type", kind)
}

func formLeft(t *testing.T, by, code, name string, content []byte) (*bytes.Buffer, string) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	require.NoError(t, form.WriteField(by, code))
	require.NoError(t, form.WriteField("name", name))
	file, err := form.CreateFormFile("file", "scan.html")
	require.NoError(t, err)
	_, err = file.Write(content)
	require.NoError(t, err)
	require.NoError(t, form.Close())
	return &body, form.FormDataContentType()
}

func TestAStrangerLeavesThingsByALinkAndLearnsOnlyThatTheyWereTaken(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	amina, nurse := tn.resident(t), tn.stranger(t)
	amina.call("POST", "/links", map[string]any{"kind": "deposit", "label": ""}).refused(422, "invalid")
	made := ok[Link](amina.call("POST", "/links", map[string]any{"kind": "deposit", "label": "Hôpital"}), 201)
	require.True(t, made.InForce)
	code := map[string]any{"code": made.Code}
	face := ok[map[string]any](nurse.call("POST", "/links/look", code), 200)
	delete(face, "$schema")
	require.Equal(t, map[string]any{"kind": "deposit", "label": "Hôpital"}, face)

	nurse.leavesBy(made.Code, "Ordonnance", pdf()).done(204)
	nurse.call("POST", "/leave/notes", map[string]any{"code": made.Code, "name": "Rendez-vous", "text": "Lundi 9 h"}).done(204)
	nurse.leavesBy(made.Code, "x", []byte("\x7fELF\x02\x01\x01\x00")).refused(422, "invalid")
	nurse.leavesBy(made.Code, "x", nil).refused(422, "invalid")
	nurse.leavesBy(made.Code[:20], "x", pdf()).refused(422, "invalid")
	nurse.send("POST", "/leave/documents", bytes.NewReader(pdf()), "Content-Type", "application/pdf").refused(415, "media-type")
	nurse.call("POST", "/open", code).refused(403, "ended")
	body, kind := formLeft(t, "code", made.Code, "Coupé", pdf())
	nurse.send("POST", "/leave/documents", io.LimitReader(body, int64(body.Len()-60)), "Content-Type", kind).refused(400, "truncated")

	amina.again(tn)
	list := ok[linkList](amina.call("GET", "/links", nil), 200)
	require.Len(t, list.Links, 1)
	require.Equal(t, 2, list.Links[0].Used)
	require.Equal(t, made.Code, list.Links[0].Code, "it is shown again")
	require.Positive(t, list.Inbox.Left)
	names := []string{}
	for _, it := range ok[listed](amina.call("GET", "/items", nil), 200).Items {
		names = append(names, it.Name)
	}
	require.Subset(t, names, []string{"Ordonnance", "Rendez-vous"})
	require.NotContains(t, names, "Coupé")
	kept := func() (all []string) {
		for _, d := range ok[struct{ Deposits []Deposit }](amina.call("GET", "/deposits", nil), 200).Deposits {
			if d.Kept {
				all = append(all, d.Item)
			}
		}
		return all
	}
	require.Empty(t, kept())
	one := ok[struct{ Deposits []Deposit }](amina.call("GET", "/deposits", nil), 200).Deposits[0].Item
	for range 2 {
		amina.call("POST", "/inbox/kept/"+one, nil).done(204)
	}
	require.Equal(t, []string{one}, kept())
	require.Positive(t, ok[linkList](amina.call("GET", "/links", nil), 200).Inbox.Left)
	nurse.call("POST", "/inbox/kept/"+one, nil).refused(401, "session-ended")
	amina.call("POST", "/inbox/kept", nil).done(204)
	require.Zero(t, ok[linkList](amina.call("GET", "/links", nil), 200).Inbox.Left)

	ok[struct{}](amina.call("PUT", "/inbox/closed", map[string]any{"closed": true}), 200)
	closed := nurse.leavesBy(made.Code, "x", pdf()).refused(403, "not-taken")
	require.Equal(t, 200, nurse.call("POST", "/links/look", code).Status)
	ok[struct{}](amina.call("PUT", "/inbox/closed", map[string]any{"closed": false}), 200)
	nurse.leavesBy(made.Code, "x", pdf()).done(204)
	for range 2 {
		require.True(t, ok[struct{ Confirmed bool }](amina.call("DELETE", "/links/"+made.ID, nil), 200).Confirmed)
	}
	require.Equal(t, closed, nurse.leavesBy(made.Code, "x", pdf()).refused(403, "not-taken"), "the same answer")
	nurse.call("POST", "/links/look", code).refused(403, "ended")
	require.Equal(t, "person", ok[linkList](amina.call("GET", "/links", nil), 200).Links[0].EndedBy)
}

func TestAClerkReadsOnePaperAsOftenAsThePersonSaid(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	amina, clerk := tn.resident(t), tn.stranger(t)
	content := paper(3, 200_000)
	card := ok[Item](amina.upload("Carte", content), 201)
	wanted := map[string]any{"kind": "paper", "label": "Guichet 4", "item": card.ID, "times": 2, "until": tn.stage.Clock.Now().Add(time.Hour)}
	amina.call("POST", "/links", wanted).refused(403, "secret-again")
	wanted["secret"] = map[string]any{"password": "not hers at all"}
	amina.call("POST", "/links", wanted).refused(401, "sign-in")
	wanted["secret"] = amina.secret()
	made := ok[Link](amina.call("POST", "/links", wanted), 201)
	require.Empty(t, ok[linkList](amina.call("GET", "/links", nil), 200).Links[0].Code, "shown once")

	code := map[string]any{"code": made.Code}
	for left := 1; left >= 0; left-- {
		a := clerk.call("POST", "/open", code)
		require.Equal(t, 200, a.Status)
		require.Equal(t, content, a.Body)
		require.Equal(t, []string{"0", "1"}[left], a.Header.Get(headerUses))
		require.Contains(t, a.Header.Get("Content-Disposition"), "attachment")
	}
	clerk.call("POST", "/open", code).refused(403, "ended")
	clerk.leavesBy(made.Code, "x", pdf()).refused(403, "not-taken")
	found := ok[linkList](amina.call("GET", "/links", nil), 200).Links[0]
	require.Equal(t, 2, found.Used)
	require.False(t, found.InForce)
	require.Equal(t, "used", found.EndedBy)
	require.NotNil(t, found.Last)
	amina.call("DELETE", "/links/x", nil).refused(404, "not-found")
	tn.relay(t, "Accueil").worker.call("GET", "/links", nil).refused(403, "not-allowed")
}

// Who makes one address busy with links keeps nobody's own requests out.
func TestLinksAreCountedByAddressAndApart(t *testing.T) {
	t.Parallel()
	now := time.Now()
	tn := newTown(t, &townOptions{limits: session.LimitsConfig{LinksPerMinute: 6, Now: func() time.Time { return now }}})
	amina, stranger := tn.resident(t), tn.stranger(t)
	made := ok[Link](amina.call("POST", "/links", map[string]any{"kind": "deposit", "label": "x"}), 201)
	for range 3 {
		require.Equal(t, http.StatusOK, stranger.call("POST", "/links/look", map[string]any{"code": made.Code}).Status)
	}
	for _, path := range []string{"/links/look", "/open"} {
		stranger.call("POST", path, map[string]any{"code": made.Code}).refused(429, "back-off")
	}
	stranger.call("POST", "/leave/notes", map[string]any{"code": made.Code, "name": "x", "text": "x"}).refused(429, "back-off")
	stranger.leavesBy(made.Code, "x", pdf()).refused(429, "back-off")
	amina.again(tn)
}
