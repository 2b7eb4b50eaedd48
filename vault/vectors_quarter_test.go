package vault_test

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/internal/seal"
	"reconnect.example/vault"
	"reconnect.example/vault/local"
	"reconnect.example/vault/vaulttest"
)

// quarter is the stage of the vectors about access cards, what waits in inboxes, what
// a manager sees, and receipts.
type quarter struct {
	w                   *vectorWriter
	s                   *consenttest.Stage
	relay               *consenttest.Relay
	nour, suspended     *consenttest.Staff
	issa                *vault.Vault
	bilal               vault.ID
	login, factor, card string
	left                vault.Left // in Private's inbox
	invitation          string
	receipts            []consent.Receipt
	records             map[string][]byte
	blobs               []field
	now                 time.Time
}

const quarterPIN = "385206"

// cardWitness is a witness whose key of evaluation is in the vectors.
type cardWitness struct{ vault.Limiter }

func (c cardWitness) Evaluate(ctx context.Context, id [16]byte, counter, input [32]byte, generation uint64) (vault.Evaluation, error) {
	e, err := c.Limiter.Evaluate(ctx, id, counter, input, 0)
	if e.Generation != 0 {
		e.Generation, e.Output = 1, vault.WitnessOutput(filled(0x66), id, counter, input)
	}
	return e, err
}

// quarters writes the vectors of a quarter, and what can be wrong with it.
func (w *vectorWriter) quarters() {
	folder := w.t.TempDir()
	q := &quarter{w: w, s: consenttest.New(w.t, &consenttest.Options{Vault: vaulttest.Options{
		Folder: folder, Folders: []string{"Papiers"}, Limiter: func(l vault.Limiter) vault.Limiter { return cardWitness{l} },
	}})}
	q.settle()
	q.work()
	q.end()
	q.harvest()
	key, err := os.ReadFile(filepath.Join(folder, local.KeyFileName))
	require.NoError(w.t, err)
	authority := q.s.Directory.Authority()
	fields := []field{
		text("kind", "card"), text("card", q.card), text("pin", quarterPIN), hexed("evaluation-key", filled(0x66)),
		number("now", uint64(q.now.UnixMilli())), hexed("key-file", key), hexed("authority", authority[:]),
	}
	for _, key := range slices.Sorted(maps.Keys(q.records)) {
		fields = append(fields, recordOf(key, q.records[key]))
	}
	w.based("quarter", "A person by their access card and PIN, and what the witness makes of it: what waits in the inbox is theirs, too.", showCard, append(fields, q.blobs...)...)
	q.brokenCard()
	q.team()
	q.receipt()
	q.carriedOut()
}

// settle lets everybody arrive.
func (q *quarter) settle() {
	t, ctx := q.w.t, q.w.t.Context()
	q.relay = q.s.Relay(t, "La Halte")
	q.nour = q.relay.Hire(t, "Nour نور", consent.RoleHelp)
	q.suspended = q.relay.Hire(t, "Omar", consent.RoleHelp)
	v, err := q.s.Stage.Create(ctx, vaulttest.CreateRequest(vectorPassword))
	require.NoError(t, err)
	q.issa = v
	q.login, err = v.Login(ctx)
	require.NoError(t, err)
	secret := vault.Secret{Password: vectorPassword}
	card, err := v.NewAccessCard(ctx, secret, quarterPIN)
	require.NoError(t, err)
	q.card = card.Code
	f, err := v.EnrolSecondFactor(ctx, secret)
	require.NoError(t, err)
	q.factor = f.Secret
	require.NoError(t, v.ConfirmSecondFactor(ctx, codeOf(t, f.Secret, q.s.Clock.Now())))
	require.NoError(t, v.SetRules(ctx, vault.Rules{Kinds: map[vault.Kind]vault.Compartment{vault.KindNote: vault.Shared}, Folders: map[string]vault.Compartment{"Papiers": vault.Private}}))
	require.NoError(t, v.SetRepresentative(ctx, vault.Representative{Name: "Le département", Relation: "tuteur", RecordedBy: "La Halte", Until: "2031-12-31"}))
	require.NoError(t, v.SetWish(ctx, vault.WantErase))
	q.follow(v, "عيسى")
}

func (q *quarter) follow(v *vault.Vault, name string) consent.Receipt {
	q.w.t.Helper()
	r, err := q.s.Follow(q.w.t.Context(), v, consent.Follow{
		Relay: q.relay.ID, Scope: vault.ScopeAdd, Notice: vault.Notice{Version: "1", Language: "ar", Text: "ما ستراه المحطة."}, Agreed: true, Name: name, Channel: "relay",
	}, vault.Secret{Password: vectorPassword})
	require.NoError(q.w.t, err)
	return r
}

// work is a day at the relay: a worker leaves things, and a colleague is suspended.
func (q *quarter) work() {
	t, ctx := q.w.t, q.w.t.Context()
	letter := addTo(t, q.issa, vault.NewDocument{Name: "Ordonnance", Compartment: vault.Shared, MediaType: "text/plain", Channel: "web"}, content(5, 900))
	p := q.nour.At(t, q.relay)
	_, err := p.People(ctx)
	require.NoError(t, err)
	g, err := p.Open(ctx, q.issa.ID(), consent.Purpose{Code: consent.PurposeHealth})
	require.NoError(t, err)
	require.NoError(t, g.MakePrivate(ctx, letter.ID, letter.Revision))
	q.left, err = g.LeaveNote(ctx, "Pour vous", vault.Note{Text: "appelez-moi"}, vault.Place{Compartment: vault.Private, Channel: "relay"})
	require.NoError(t, err)
	_, err = g.LeaveNote(ctx, "Selon vos règles", vault.Note{Text: "demain à 9 h"}, vault.Place{Channel: "relay"})
	require.NoError(t, err)
	_, err = q.relay.Desk(t).Suspend(ctx, q.suspended.ID())
	require.NoError(t, err)
	i, err := q.relay.Desk(t).Invite(ctx, consent.RoleHelp, nil)
	require.NoError(t, err)
	q.invitation = i.Code
	i, err = q.relay.Desk(t).Invite(ctx, consent.RoleHelp|consent.RoleManage, nil)
	require.NoError(t, err)
	_, err = q.s.Worker(t, "Sara سارة").Ask(ctx, i.Code)
	require.NoError(t, err)
	p, err = q.nour.Worker.At(ctx, q.relay.ID)
	require.NoError(t, err)
	_, err = p.Open(ctx, q.issa.ID(), consent.Purpose{Code: consent.PurposeOther, Text: "carte vitale"})
	require.NoError(t, err)
}

// end is what comes last: somebody whose note nobody has read yet, a consent that was
// taken back, and the record of a death that is a mistake.
func (q *quarter) end() {
	t, ctx := q.w.t, q.w.t.Context()
	bilal, err := q.s.Stage.Create(ctx, vaulttest.CreateRequest(vectorPassword))
	require.NoError(t, err)
	q.bilal = bilal.ID()
	_, err = bilal.AddContact(ctx, "Tante", vault.Contact{Phones: []string{"+33 6 00 00 00 00"}}, vault.Place{Compartment: vault.Shared, Channel: "web"})
	require.NoError(t, err)
	q.follow(bilal, "Bilal")
	amal, err := q.s.Stage.Create(ctx, vaulttest.CreateRequest(vectorPassword))
	require.NoError(t, err)
	q.receipts = append(q.receipts, q.follow(amal, "Amal"))
	all, err := amal.Grants(ctx)
	require.NoError(t, err)
	end, err := q.s.Withdraw(ctx, amal, all[0].ID, nil)
	require.NoError(t, err)
	q.receipts = append(q.receipts, end)

	floor := seal.KDF{Algorithm: seal.Argon2id, Time: 3, MemoryKiB: 64 << 10, Threads: 1, Salt: []byte("salt of 16 bytes")}
	require.NoError(t, q.issa.PutSlot(ctx, q.login, vectorPassword, floor))
	for _, w := range []*consenttest.Staff{q.relay.Manager, q.nour} {
		require.NoError(t, w.Own().PutSlot(ctx, w.Login, w.Password, floor))
	}
	_, err = q.s.RecordDeath(ctx, q.issa.ID(), vault.DeathRecord{By: "Opératrice", Organisation: "Les Amis", Evidence: "un homonyme"})
	require.NoError(t, err)
	q.now = q.s.Clock.Advance(30 * time.Second) // the code of the second factor is another
	require.NoError(t, q.s.Vaults.Close())
}

// harvest takes the records that the person, a worker and the manager need.
func (q *quarter) harvest() {
	wanted := []string{"svc/keys", "svc/invitation/", "login/", q.s.Directory.ID().String() + "/"}
	people := []vault.ID{q.issa.ID(), q.nour.ID(), q.relay.Manager.ID(), vault.ID(q.relay.ID)}
	for _, id := range people {
		for _, part := range []string{"h/", "k/", "s/", "x/", "o/", "i/", "g/", "m/", "n/", "at/", "ask/", "in/", "q", "seen", "wish", "died"} {
			wanted = append(wanted, id.KeyOf(part))
		}
	}
	wanted = append(wanted, q.issa.ID().KeyOf("j/"))
	for _, part := range []string{"h/", "x/s/", "i/", "g/"} {
		wanted = append(wanted, q.bilal.KeyOf(part))
	}
	q.records = map[string][]byte{}
	for r, err := range q.s.Store.All(q.w.t.Context(), "") {
		require.NoError(q.w.t, err)
		// Of who asks, and of who is away, the head says whose key is theirs.
		if slices.ContainsFunc(wanted, func(prefix string) bool { return strings.HasPrefix(r.Key, prefix) }) || strings.HasSuffix(r.Key, "/h/o") {
			q.records[r.Key] = r.Value
		}
	}
	for r, err := range q.s.Store.All(q.w.t.Context(), q.issa.ID().KeyOf("in/")) {
		require.NoError(q.w.t, err)
		if name := blobNamedBy(q.w.t, r.Value); name != "" {
			q.blobs = append(q.blobs, field{Name: "blob", Line: name, Data: blobBytes(q.w.t, q.s.Stage, name)})
		}
	}
}

// spoil writes one that is wrong.
func (q *quarter) spoil(base, name, expect, comment string, spoil func(f *vault.Forge), more ...field) {
	q.w.t.Helper()
	(&madeTown{w: q.w, amina: q.issa, records: q.records}).spoil(base, name, expect, comment, spoil, more...)
}

// brokenCard is what can be wrong with a card, with what waits in the inbox, and with
// what was said for the end.
func (q *quarter) brokenCard() {
	id := q.issa.ID()
	other := vault.WrittenCard(firstEleven(q.login), [16]byte([]byte("another secret..")))
	slots := slices.Sorted(maps.Keys(within(q.records, id.KeyOf("s/"))))
	q.spoil("quarter", "wrong-pin", "sign-in", "Another PIN.", nil, text("pin", "385207"))
	q.spoil("quarter", "another-card", "sign-in", "Another card of the same login.", nil, text("card", grouped(other)))
	q.spoil("quarter", "mistyped-card", "invalid", "A character of the card is another.", nil, text("card", q.card[:12]+turnedLetter(q.card[12:13])+q.card[13:]))
	q.spoil("quarter", "another-witness", "sign-in", "Another key of the witness.", nil, hexed("evaluation-key", filled(0x67)))
	q.spoil("quarter", "no-card", "sign-in", "The owner head names no keyslot of a card.", func(f *vault.Forge) {
		f.Owner(func(h *seal.OwnerHead) {
			h.Slots = slices.DeleteFunc(h.Slots, func(e seal.SlotEntry) bool { return e.Kind == 2 })
		})
	})
	q.spoil("quarter", "keyslot-missing", "tampered keyslot", "The keyslot of the card is not there.", func(f *vault.Forge) {
		for _, key := range slots {
			f.Copy(key, nil)
		}
	})

	private := slices.Sorted(maps.Keys(within(q.records, id.KeyOf("in/p/"))))
	q.otherwise("deposit-missing", "The store lost what somebody left: the line of the journal says so.", func(f *vault.Forge) { f.Copy(private[1], nil) })
	q.otherwise("deposit-flipped", "The store altered what somebody left.", func(f *vault.Forge) { f.Flip(private[1], 1500) })
	q.otherwise("deposit-of-nobody", "What no line of the journal names was left by nobody.", func(f *vault.Forge) {
		f.Copy(id.KeyOf("in/p/0000000000000fff"), q.records[private[0]])
	})
	q.w.based("quarter-password", "The password and the code of the second factor.", showVault, text("base", "quarter"), text("kind", "vault"), text("gone", "shows"),
		text("login", q.login), text("password", vectorPassword), text("code", codeOf(q.w.t, q.factor, q.now)))
	q.spoil("quarter-password", "wrong-code", "second-factor", "Another code.", nil, text("code", "000000"))
}

// otherwise is a quarter that opens, and shows something else.
func (q *quarter) otherwise(name, comment string, spoil func(f *vault.Forge)) {
	q.w.t.Helper()
	f := q.issa.NewForge(q.records)
	spoil(f)
	fields := []field{text("base", "quarter"), text("gone", "shows")}
	for _, key := range slices.Sorted(maps.Keys(f.Changed)) {
		if f.Changed[key] == nil {
			fields = append(fields, text("gone", key))
		} else {
			fields = append(fields, recordOf(key, f.Changed[key]))
		}
	}
	q.w.based("quarter-"+name, comment, showCard, fields...)
}

// team is the relay as the manager and a worker see it.
func (q *quarter) team() {
	lina := q.relay.Manager
	q.w.based("quarter-manager", "The manager: who works there, who asks, whom a code lets ask; and a note that nobody has read yet.", showWorker,
		text("base", "quarter"), text("kind", "worker"), text("gone", "shows"), text("login", lina.Login), text("password", lina.Password), text("invitation", q.invitation))
	held := slices.Sorted(maps.Keys(within(q.records, vault.ID(q.relay.ID).KeyOf("s/"))))
	q.spoil("quarter-manager", "held-missing", "tampered keyslot", "The keyslots of the relay are not there.", func(f *vault.Forge) {
		for _, key := range held {
			f.Copy(key, nil)
		}
	})
	q.w.based("quarter-worker", "A worker, and what their session has open.", showWorker,
		text("base", "quarter"), text("kind", "worker"), text("gone", "shows"), text("login", q.nour.Login), text("password", q.nour.Password), text("token", q.nour.Own().Token()))
	at := slices.Sorted(maps.Keys(within(q.records, q.nour.ID().KeyOf("at/"))))
	q.spoil("quarter-worker", "opened-flipped", "tampered what a session has open", "One bit of what the session has open.", func(f *vault.Forge) { f.Flip(at[0], 40) })
}

// receipt are the receipts of a consent and of its end.
func (q *quarter) receipt() {
	written := func(r consent.Receipt) []byte { return q.w.must(json.MarshalIndent(r, "", "  ")) }
	q.w.put("receipt", "success", "The receipt of a consent, as the person has it.", text("kind", "receipt"),
		hexed("service", q.receipts[0].Signatures.ServiceKey), data("receipt", written(q.receipts[0])))
	q.w.on("receipt", "of-the-end", "success", "The receipt of its end.", data("receipt", written(q.receipts[1])))
	q.w.on("receipt", "another-service", "untrusted-key", "Of another service.", hexed("service", q.w.public(0x68)))
	change := func(name, comment string, change func(r *consent.Receipt)) {
		r := q.receipts[0]
		change(&r)
		q.w.on("receipt", name, "tampered receipt", comment, data("receipt", written(r)))
	}
	change("other-scope", "It says more than was agreed to.", func(r *consent.Receipt) { r.Processing.Scope = "give" })
	change("other-person", "It names another vault.", func(r *consent.Receipt) { r.Principal[0] ^= 1 })
	change("other-id", "It has another id.", func(r *consent.Receipt) { r.ID = q.receipts[1].ID })
	change("other-vault-key", "Another key of the vault.", func(r *consent.Receipt) { r.Signatures.VaultKey = q.w.public(0x69) })
	change("not-countersigned", "The service did not sign it.", func(r *consent.Receipt) { r.Signatures.Service = make([]byte, 64) })
	more := strings.Replace(string(written(q.receipts[0])), `"signatures"`, `"remarks": "x", "signatures"`, 1)
	q.w.on("receipt", "unknown-field", "invalid", "A field that was not signed.", data("receipt", []byte(more)))
}

// carriedOut are the records that are read while nobody can open the vault: what the
// person wished, and what an operator recorded. A sign-in signs an altered wish anew,
// from the person's own copy.
func (q *quarter) carriedOut() {
	id := q.issa.ID()
	head, err := seal.OpenOwnerHead(id, q.records[id.KeyOf("h/o")])
	require.NoError(q.w.t, err)
	lookup := q.s.Vaults.LookupKey()
	got, err := vault.ReadWish(id, head.Key, lookup, q.records[id.KeyOf("wish")])
	require.NoError(q.w.t, err)
	q.w.put("wish", "success", "A wish to be erased, and the tombstone that the service keeps to carry it out.", text("kind", "wish"), hexed("vault", id[:]), hexed("key", head.Key),
		hexed("lookup", lookup), data("envelope", q.records[id.KeyOf("wish")]), text("want", string(got.Want)), number("since", uint64(got.Since)), number("version", got.Version), text("login", got.Login))
	q.w.on("wish", "flipped", "open", "One bit of it.", change("flip", "envelope", "60"))
	q.w.on("wish", "of-another-vault", "open", "Of another vault.", hexed("vault", []byte("another vault id")))
	q.w.on("wish", "signed-by-another", "open", "Another key of the vault.", hexed("key", q.w.public(0x6a)))
	q.w.on("wish", "another-service", "open", "Another service cannot carry it out.", hexed("lookup", filled(0x6b)))
	died, err := vault.ReadDeath(id, lookup, q.records[id.KeyOf("died")])
	require.NoError(q.w.t, err)
	q.w.put("death", "success", "A death that an operator recorded, about that very wish.", text("kind", "death"), hexed("vault", id[:]), hexed("lookup", lookup),
		data("envelope", q.records[id.KeyOf("died")]), text("by", died.By), text("organisation", died.Organisation), text("evidence", died.Evidence),
		text("want", string(died.Want)), digested("wish", q.records[id.KeyOf("wish")]), number("erased-at", uint64(died.ErasedAt)))
	q.w.on("death", "flipped", "open", "One bit of it.", change("flip", "envelope", "60"))
	q.w.on("death", "of-another-vault", "open", "Of another vault.", hexed("vault", []byte("another vault id")))
}
