package api

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// lets lets a relay follow with a scope.
func (r *resident) lets(at *relay, scope string) {
	r.t.Helper()
	ok[agreed](r.call("POST", "/followers", map[string]any{
		"relay": at.id, "scope": scope, "name": "Amina K.", "secret": r.secret(), "notice": read("Ce que ce centre pourra."), "agreed": true,
	}), 201)
}

// again signs the person in anew.
func (r *resident) again(tn *town) {
	r.t.Helper()
	in := ok[signedIn](tn.stranger(r.t).call("POST", "/sessions", map[string]any{"login": r.login, "password": r.password}), 201)
	r.person = r.as(in.Token)
}

type depositsAnswer struct {
	Deposits []Deposit
	Missing  []MissingDeposit
}

type overviewAnswer struct {
	Notices     []string
	UnseenSince *time.Time
}

func (p *person) leaves(name, mediaType string, content []byte) *reply {
	p.t.Helper()
	return p.send("POST", "/deposits/documents", bytes.NewReader(content), headerName, name, "Content-Type", mediaType)
}

func TestARelayThatMayOnlyGiveLeavesThingsAndSeesNothing(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	at, amina := tn.relay(t, "Accueil"), tn.resident(t)
	letter := amina.shares("Lettre")
	at.worker.leaves("x", "application/pdf", pdf()).refused(409, "nothing-open")
	amina.leaves("x", "application/pdf", pdf()).refused(403, "not-allowed")
	amina.lets(at, "give")
	require.Equal(t, "give", amina.followers()[0].Scope)
	require.Equal(t, "give", ok[Opened](at.opens(amina.id), 200).Scope)
	at.worker.content(letter.ID).refused(403, "not-allowed")
	for _, path := range []string{"/items", "/counts", "/overview", "/usage"} {
		at.worker.call("GET", path, nil).refused(403, "not-allowed")
	}
	at.worker.upload("x", pdf()).refused(403, "not-allowed")

	left := ok[Left](at.worker.leaves("R%C3%A9c%C3%A9piss%C3%A9", "application/pdf", pdf()), 201)
	at.worker.leaves("x", "text/html", []byte("<p>")).refused(422, "invalid")
	at.worker.leaves("x", "image/png", nil).refused(422, "invalid")
	at.worker.leaves("x", "image/png", bytes.Repeat([]byte{1}, int(vault.MaxLeft)+1)).refused(422, "invalid")
	at.worker.send("POST", "/deposits/documents", bytes.NewReader(pdf()), headerName, "x", "Content-Type", "application/pdf", headerIdempotency, "é").refused(400, "idempotency-key")
	note := map[string]any{"name": "Passez", "text": "Votre dossier avance.", "compartment": "shared"}
	message := ok[Left](at.worker.call("POST", "/deposits/notes", note), 201)
	at.worker.content(left.Item).refused(403, "not-allowed")

	waits := ok[depositsAnswer](amina.call("GET", "/deposits", nil), 200).Deposits
	require.Len(t, waits, 2)
	require.Equal(t, Deposit{Line: waits[1].Line, At: left.At, By: waits[1].By, Act: "deposit.left", Kind: "document", Item: left.Item, State: "waiting"}, waits[1])
	require.Equal(t, at.Name, waits[1].By.Relay)
	amina.call("GET", "/items/"+left.Item, nil).refused(404, "not-found")
	require.Equal(t, 2, ok[struct{ Items int }](amina.call("POST", "/deposits/take-in", nil), 200).Items)
	for _, d := range ok[depositsAnswer](amina.call("GET", "/deposits", nil), 200).Deposits {
		require.Equal(t, "taken-in", d.State)
	}
	require.Equal(t, pdf(), amina.content(left.Item).Body)
	require.Equal(t, "private", ok[Item](amina.call("GET", "/items/"+left.Item, nil), 200).Compartment)
	require.Equal(t, "shared", ok[Item](amina.call("GET", "/items/"+message.Item, nil), 200).Compartment)
}

func pdf() []byte { return append([]byte("%PDF-1.7\n"), bytes.Repeat([]byte("ink\n"), 500)...) }

func TestThePersonIsToldWhatIsMissingUntilTheyKnow(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	at, amina := tn.relay(t, "Accueil"), tn.resident(t)
	amina.lets(at, "see-and-add")
	ok[Opened](at.opens(amina.id), 200)
	left := ok[Left](at.worker.leaves("x", "application/pdf", pdf()), 201)
	require.NoError(t, tn.stage.Store.Transact(t.Context(), func(tx *storage.Tx) error {
		waiting, err := tn.stage.Store.Scan(t.Context(), amina.id+"/in/", "", 10)
		require.Len(t, waiting, 1)
		tx.Delete(waiting[0].Key)
		return err
	}))
	amina.again(tn)
	require.Equal(t, []string{"deposit-missing"}, ok[overviewAnswer](amina.call("GET", "/overview", nil), 200).Notices)
	all := ok[depositsAnswer](amina.call("GET", "/deposits", nil), 200)
	require.Equal(t, "missing", all.Deposits[0].State)
	require.Len(t, all.Missing, 1)
	require.Equal(t, left.Item, all.Missing[0].Item)
	require.Equal(t, "Samir of Accueil", all.Missing[0].By.Name)
	amina.call("POST", "/deposits/missing", nil).done(http.StatusNoContent)
	require.Empty(t, ok[overviewAnswer](amina.call("GET", "/overview", nil), 200).Notices)
	require.Empty(t, ok[depositsAnswer](amina.call("GET", "/deposits", nil), 200).Missing)
}

func TestWhoIsBackSaysThatTheyAreNotDead(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	amina := tn.resident(t)
	amina.call("GET", "/death-record", nil).refused(404, "not-found")
	ok[struct{ Confirmed bool }](amina.call("PUT", "/wish", map[string]any{"want": "erase"}, "If-Match", "*"), 200)
	tn.passes(30 * 31 * 24 * time.Hour)
	_, err := tn.stage.Sweep(t.Context())
	require.NoError(t, err)
	id, err := vault.ParseID(amina.id)
	require.NoError(t, err)
	_, err = tn.stage.RecordDeath(t.Context(), id, vault.DeathRecord{By: "Opératrice", Organisation: "Les Amis", Evidence: "acte de décès"})
	require.NoError(t, err)
	amina.again(tn)
	o := ok[overviewAnswer](amina.call("GET", "/overview", nil), 200)
	require.ElementsMatch(t, []string{"unseen", "death-recorded"}, o.Notices)
	require.Equal(t, time.March, o.UnseenSince.Month())
	record := ok[DeathRecord](amina.call("GET", "/death-record", nil), 200)
	require.Equal(t, "Opératrice", record.By)
	require.Equal(t, "acte de décès", record.Evidence)
	require.Equal(t, "erase", record.Wish)
	require.NotNil(t, record.Ended, "void since they signed in")
	amina.call("POST", "/death-record/dismiss", nil).done(http.StatusNoContent)
	require.Equal(t, []string{"unseen"}, ok[overviewAnswer](amina.call("GET", "/overview", nil), 200).Notices)
}

// An opening that broke off after the account was made is taken up by another worker.
func TestAnotherWorkerTakesUpAnOpeningThatBrokeOff(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	at := tn.relay(t, "Accueil")
	begun, err := at.helper.At(t, at.Relay).BeginAccount(t.Context(), "Ibrahim")
	require.NoError(t, err)
	made := vaulttest.CreateRequest(newAccount()["password"].(string))
	made.Login = begun.Login
	v, err := tn.stage.Create(t.Context(), made)
	require.NoError(t, err)
	v.Close()

	lea := tn.staff(t, at.Hire(t, "Léa", consent.RoleHelp))
	drafts := "/staff/relays/" + at.id + "/drafts"
	all := ok[struct{ Drafts []Draft }](lea.call("GET", drafts, nil), 200).Drafts
	require.Len(t, all, 1)
	require.Equal(t, "Ibrahim", all[0].Name)
	other := newAccount()
	other["password"] = "des mots tout à fait autres"
	lea.call("POST", drafts+"/"+all[0].ID+"/resume", other).refused(401, "sign-in")
	opened := ok[opening](lea.call("POST", drafts+"/"+all[0].ID+"/resume", newAccount()), 200)
	require.Equal(t, begun.Login, opened.Login)
	require.NotEmpty(t, opened.Card)
	require.NoError(t, opened.Receipt.Verify(tn.stage.PublicKey()))
	lea.call("POST", drafts+"/"+all[0].ID+"/resume", newAccount()).refused(404, "not-found")
	require.Empty(t, ok[struct{ Drafts []Draft }](at.worker.call("GET", drafts, nil), 200).Drafts)
	people := ok[struct{ People []Person }](at.worker.call("GET", "/staff/relays/"+at.id+"/people", nil), 200).People
	require.Len(t, people, 1)
	require.Equal(t, opened.ID, people[0].ID)
}
