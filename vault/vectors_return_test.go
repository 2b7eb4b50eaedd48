package vault_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/internal/seal"
	"reconnect.example/recovery"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/storage"
	"reconnect.example/storage/sqlitestore"
	"reconnect.example/vault"
	"reconnect.example/vault/local"
	"reconnect.example/vault/vaulttest"
)

// returning is the stage of the vectors about ways back in.
type returning struct {
	w       *vectorWriter
	s       *recoverytest.Stage
	floor   seal.KDF
	token   string
	helps   map[vault.PathKind]recoverytest.Help
	common  []field
	records map[string][]byte
}

const returnSheet = "1234567890123456789012"

var returnAnswers = []string{"Ya Rayah, l'éléphant", "Bichette la Noire", "١٢ شارع أُمّ كُلثوم"}

// asTyped is how the same answers are given years later.
var asTyped = []string{"ya rayah l elephant", "BICHETTE LA NOIRE ", "12 شارع ام كلثوم"}

// storedParams are the parameters of a path, as docs/format.md draws them.
type storedParams struct {
	Form        uint8     `cbor:"1,keyasint"`
	KDF         *seal.KDF `cbor:"2,keyasint,omitempty"`
	Normal      uint8     `cbor:"3,keyasint,omitempty"`
	Count       uint8     `cbor:"4,keyasint,omitempty"`
	Secret      []byte    `cbor:"5,keyasint,omitempty"`
	Generations []uint64  `cbor:"6,keyasint,omitempty"`
	Waits       []int64   `cbor:"7,keyasint,omitempty"`
}

// newReturning sets the stage in a folder.
func (w *vectorWriter) newReturning(folder string) *returning {
	opts := &recoverytest.Options{}
	opts.Consent.Vault = vaulttest.Options{Folder: folder}
	s, err := recoverytest.Open(w.t.Context(), opts)
	require.NoError(w.t, err)
	r := &returning{w: w, s: s, helps: map[vault.PathKind]recoverytest.Help{}}
	r.floor = seal.KDF{Algorithm: seal.Argon2id, Time: 3, MemoryKiB: 64 << 10, Threads: 1, Salt: []byte("salt of 16 bytes")}
	return r
}

// takeDown ends the stage, and keeps what every vector of it needs.
func (r *returning) takeDown(folder string) {
	t := r.w.t
	file, err := os.ReadFile(filepath.Join(folder, local.KeyFileName))
	require.NoError(t, err)
	authority := r.s.Directory.Authority()
	now := r.s.Clock.Now()
	require.NoError(t, r.s.Close())
	key, generation := r.witnessKey(folder)
	r.common = []field{hexed("key-file", file), hexed("authority", authority[:]), hexed("evaluation-key", key), number("evaluation-generation", generation), number("now", uint64(now.UnixMilli()))}
}

// returns writes the vectors of somebody who comes back, and what can be wrong with it.
func (w *vectorWriter) returns() {
	folder := w.t.TempDir()
	r := w.newReturning(folder)
	r.enrol()
	before := r.harvest()
	stop := r.stop()
	after, old := r.recover()
	r.takeDown(folder)
	r.records = before
	r.ways()
	r.policy()
	r.sessions(stop)
	r.locked(after, old)
}

// enrol keeps papers, makes the ways at the real cost, and opens a request for each.
func (r *returning) enrol() {
	t, ctx, s := r.w.t, r.w.t.Context(), r.s
	v := s.Amina.Vault
	require.NoError(t, v.PutSlot(ctx, s.Amina.Login, s.Amina.Password, r.floor))
	for name, c := range map[string]vault.Compartment{"Lettre": vault.Shared, "يوميات": vault.Private} {
		_, err := v.AddNote(ctx, name, vault.Note{Text: "text"}, vault.Place{Compartment: c, Channel: "web"})
		require.NoError(t, err)
	}
	sheet := r.sheetPath(vault.PathSheetDesk)
	answers := r.answersPath(vault.NewPath{Kind: vault.PathAnswersRelay}, storedParams{Form: 2, Normal: 1}, "yarayahlelephant", "bichettelanoire", "12شارعامكلثوم")
	answers.Shown = r.w.must(seal.Marshal(struct {
		Questions []string `cbor:"1,keyasint"`
	}{[]string{"Which song?", "La chèvre ?", "أين؟"}}))

	helpers := vault.NewPath{Kind: vault.PathHelpers, ID: vault.NewPathID(), Private: true}
	generations := []uint64{}
	for class := range helpers.Values {
		input := sha256.Sum256(slices.Concat([]byte("reconnect recovery waited value 1"), helpers.ID[:], []byte{byte(class)}))
		value, generation, err := v.EvaluateNew(ctx, helpers.ID, class, input)
		require.NoError(t, err)
		helpers.Values[class], generations = value[:], append(generations, generation)
	}
	helpers.Params = r.w.must(seal.Marshal(storedParams{Form: 4, Generations: generations}))
	require.NoError(t, v.ChangePaths(ctx, vault.PathChange{Enrol: []vault.NewPath{sheet, answers, helpers}}, s.Secret()))
	s.Amina.Vault = s.Amina.SignIn(t, s.Stage.Stage)
	r.token = s.Amina.Vault.Token()
	for _, kind := range []vault.PathKind{vault.PathSheetDesk, vault.PathAnswersRelay, vault.PathHelpers} {
		help := s.Begin(t, kind)
		if kind == vault.PathHelpers {
			help = s.Agreed(t, help)
		}
		r.helps[kind] = help
	}
}

// sheetPath is a way back in by the one sheet.
func (r *returning) sheetPath(kind vault.PathKind) vault.NewPath {
	kdf := r.floor
	key, err := kdf.Derive([]byte(sheetCode()))
	require.NoError(r.w.t, err)
	return vault.NewPath{
		Kind: kind, ID: vault.NewPathID(), Private: true, Own: seal.DeriveKey(key.Bytes(), "recovery sheet", nil).Bytes(),
		Params: r.w.must(seal.Marshal(storedParams{Form: 1, KDF: &kdf})),
	}
}

// answersPath makes of a path one by answers as they are when they are normal, or by pictures.
func (r *returning) answersPath(n vault.NewPath, p storedParams, answers ...string) vault.NewPath {
	kdf, secret := r.floor, filled(0x71)
	var all []byte
	for _, answer := range answers {
		all = append(binary.BigEndian.AppendUint32(all, uint32(len(answer))), answer...)
	}
	key, err := kdf.Derive(all)
	require.NoError(r.w.t, err)
	m := hmac.New(sha256.New, secret)
	_, _ = m.Write(append([]byte("reconnect recovery answers 1"), key.Bytes()...)) // never fails
	n.ID = vault.NewPathID()
	own, generation, err := r.s.Amina.Vault.EvaluateNew(r.w.t.Context(), n.ID, 0, [32]byte(m.Sum(nil)))
	require.NoError(r.w.t, err)
	n.Own = own[:]
	p.KDF, p.Count, p.Secret, p.Generations = &kdf, uint8(len(answers)), secret, []uint64{generation}
	n.Params = r.w.must(seal.Marshal(p))
	return n
}

func sheetCode() string { return returnSheet + vault.CheckDigits(returnSheet) }

// harvest takes what Amina, the relays and who works there have.
func (r *returning) harvest() map[string][]byte {
	amina := r.s.Amina.Vault.ID()
	wanted := []string{"svc/keys", "svc/handover/", "login/", r.s.Directory.ID().String() + "/"}
	for _, part := range []string{"h/", "k/", "s/", "x/", "o/", "i/", "g/", "n/", "l/", "rq/", "j/", "policy", "q", "seen"} {
		wanted = append(wanted, amina.KeyOf(part))
	}
	records := map[string][]byte{}
	for rec, err := range r.s.Store.All(r.w.t.Context(), "") {
		require.NoError(r.w.t, err)
		if slices.ContainsFunc(wanted, func(prefix string) bool { return strings.HasPrefix(rec.Key, prefix) }) || strings.HasSuffix(rec.Key, "/h/o") {
			records[rec.Key] = rec.Value
		}
	}
	return records
}

// stop is the record of a worker who ended all her sessions.
func (r *returning) stop() field {
	t := r.w.t
	id := r.s.Amina.Vault.ID()
	require.NoError(t, r.s.Post(t, r.s.Samir).StopSessions(t.Context(), id, consent.Purpose{Code: consent.PurposeOther, Text: "lost phone"}))
	return recordOf(id.KeyOf("h/stop"), r.harvest()[id.KeyOf("h/stop")])
}

// recover is her return by the answers, which do not open Private.
func (r *returning) recover() (records map[string][]byte, old string) {
	t := r.w.t
	old = r.s.Amina.Password
	back := r.s.Complete(t, r.helps[vault.PathAnswersRelay], recovery.Completion{Answers: asTyped})
	require.False(t, back.Private)
	_, err := back.Vault.AddNote(t.Context(), "Depuis", vault.Note{Text: "text"}, vault.Place{Compartment: vault.Private, Channel: "web"})
	require.NoError(t, err)
	require.NoError(t, back.Vault.PutSlot(t.Context(), r.s.Amina.Login, r.s.Amina.Password, r.floor))
	return r.harvest(), old
}

// witnessKey is the key of the witness of a stage that has ended.
func (r *returning) witnessKey(folder string) (key []byte, generation uint64) {
	t := r.w.t
	driver, err := sqlitestore.Open(t.Context(), filepath.Join(folder, local.WitnessFile), nil)
	require.NoError(t, err)
	var rec storage.Record
	for one, err := range storage.New(driver).All(t.Context(), "key/") {
		require.NoError(t, err)
		rec = one
	}
	require.NoError(t, driver.Close())
	var body struct {
		Key []byte `cbor:"1,keyasint"`
	}
	require.NoError(t, seal.Unmarshal(rec.Value[1:], &body))
	generation, err = strconv.ParseUint(strings.TrimPrefix(rec.Key, "key/"), 16, 64)
	require.NoError(t, err)
	return body.Key, generation
}

func (r *returning) all(records map[string][]byte) (fields []field) {
	for _, key := range slices.Sorted(maps.Keys(records)) {
		fields = append(fields, recordOf(key, records[key]))
	}
	return fields
}

func typed(answers []string) (fields []field) {
	for _, a := range answers {
		fields = append(fields, text("answer", a))
	}
	return fields
}

// ways are the three ways, and what can be wrong with them.
func (r *returning) ways() {
	w, id := r.w, r.s.Amina.Vault.ID()
	of := func(kind vault.PathKind) []field {
		h := r.helps[kind]
		return []field{text("number", h.Number), text("code", h.Code), text("desk", h.Desk)}
	}
	below := func(kind vault.PathKind, side string) string {
		return id.KeyOf("rq/" + r.helps[kind].Request.ID.String() + side)
	}
	w.based("return", "Somebody who forgot everything, back by their sheet and the desk.", showReturn,
		append(append([]field{text("kind", "return"), text("sheet", sheetCode())}, append(of(vault.PathSheetDesk), r.common...)...), r.all(r.records)...)...)
	r.broken("return", "wrong-code", "code", "Another code.", text("code", "0000 0000"))
	r.broken("return", "unknown-number", "code", "A number that nobody has.", text("number", "0000 0000"))
	other := "9234567890123456789012"
	r.broken("return", "wrong-sheet", "sign-in", "Another sheet.", text("sheet", other+vault.CheckDigits(other)))
	r.broken("return", "mistyped-sheet", "invalid", "A digit of the sheet is another.", text("sheet", "2"+sheetCode()[1:]))
	r.broken("return", "half-missing", "not-ready", "The half of the desk is not there.", text("gone", below(vault.PathSheetDesk, "/d")))
	r.broken("return", "half-flipped", "not-ready", "The half of the desk was altered: it is given again.", change("flip", "record="+below(vault.PathSheetDesk, "/d"), "1500"))
	r.broken("return", "half-of-another", "not-ready", "The half that the desk gave to another request.", recordOf(below(vault.PathSheetDesk, "/d"), r.records[below(vault.PathHelpers, "/d")]))
	r.broken("return", "another-witness", "code", "Another key of the witness.", hexed("evaluation-key", filled(0x67)))
	r.broken("return", "over", "request", "The request is over.", number("now", uint64(r.helps[vault.PathSheetDesk].Request.Until.UnixMilli())))

	answers := append([]field{text("base", "return"), text("gone", "shows")}, append(of(vault.PathAnswersRelay), typed(asTyped)...)...)
	w.based("return-answers", "The same by answers and a relay, given otherwise than they were: Private is not opened.", showReturn, answers...)
	r.broken("return-answers", "wrong", "sign-in", "One answer is another.", typed([]string{returnAnswers[0], "Bichette la Blanche", returnAnswers[2]})...)
	r.broken("return-answers", "too-few", "invalid", "Two answers where three were asked for.", typed(returnAnswers[:2])...)
	w.based("return-helpers", "The same with nothing of the person's: relay, desk and witness.", showReturn, append([]field{text("base", "return"), text("gone", "shows")}, of(vault.PathHelpers)...)...)
	r.broken("return-helpers", "no-desk-code", "not-ready", "The desk's part of the code was not said.", text("desk", ""))
	r.broken("return-helpers", "wrong-desk-code", "not-ready", "It was said wrongly.", text("desk", "0000 0000"))
}

// policy is what the witness reads.
func (r *returning) policy() {
	id := r.s.Amina.Vault.ID()
	r.w.based("policy", "When the witness may help, as it reads that.", showPolicy, text("base", "return"), text("gone", "shows"), text("kind", "policy"), text("vault", id.String()))
	r.broken("policy", "flipped", "tampered policy", "One bit of it.", change("flip", "record="+id.KeyOf("policy"), "1500"))
	r.broken("policy", "missing", "tampered policy", "It is not there.", text("gone", id.KeyOf("policy")))
	r.broken("policy", "another-witness", "tampered policy", "Another key of the witness.", hexed("evaluation-key", filled(0x67)))
}

// sessions: a stop that somebody signed ends them, whatever the store keeps.
func (r *returning) sessions(stop field) {
	r.w.based("session", "A session, by its token.", showSession, text("base", "return"), text("gone", "shows"), text("kind", "session"), text("token", r.token))
	r.broken("session", "stopped", "session-ended", "Somebody who helps has ended all sessions, and the store kept this one.", stop)
	r.w.based("session-stop-flipped", "A stop that nobody signed as it is ends nothing.", showSession, text("base", "session"), text("gone", "shows"), stop, change("flip", "record="+stop.Line, "1500"))
}

// locked is after a return that did not open Private.
func (r *returning) locked(records map[string][]byte, old string) {
	id := r.s.Amina.Vault.ID()
	fields := append([]field{text("kind", "vault"), text("login", r.s.Amina.Login), text("password", r.s.Amina.Password)}, append(r.common, r.all(records)...)...)
	r.w.based("locked", "After a return that did not open Private: that is locked.", showVault, fields...)
	r.joining(old)
	r.w.based("locked-return", "What was locked comes back with the password of then.", showLocked, text("base", "locked"), text("gone", "shows"), text("kind", "locked"), text("old", old))
	r.broken("locked-return", "wrong-password", "sign-in", "Another password of then.", text("old", "another password of then"))
	r.broken("locked-return", "keyring-flipped", "tampered what is locked", "One bit of the keyring of then.", change("flip", "record="+id.KeyOf("l/1/k"), "60"))
	r.broken("locked-return", "head-flipped", "tampered what is locked", "One bit of the head of then.", change("flip", "record="+id.KeyOf("l/1/h"), "60"))
}

// joining is after the old password was right, and before anything more was done: the
// present password opens all of it.
func (r *returning) joining(old string) {
	t, id, locked := r.w.t, r.s.Amina.Vault.ID(), r.w.read("locked")
	s := openVector(t, locked)
	today := vault.Secret{Password: r.s.Amina.Password}
	v, err := s.vaults.Unlock(t.Context(), vault.Password{Login: r.s.Amina.Login, Secret: today.Password})
	require.NoError(t, err)
	require.NoError(t, v.BeginOpenLocked(t.Context(), vault.Secret{Password: old}, today, 0))
	now, fields := dump(t, s.store), []field(nil)
	for _, f := range locked.Fields {
		switch f.Name {
		case "expect", "comment", "shows":
		case "record":
			if value, there := now[f.Line]; there {
				fields = append(fields, recordOf(f.Line, value))
				delete(now, f.Line)
			}
		default:
			fields = append(fields, f)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(now)) {
		if strings.HasPrefix(key, id.KeyOf("j/")) {
			fields = append(fields, recordOf(key, now[key]))
		}
	}
	r.w.based("locked-joining", "The old password was right, and what was locked has only begun to join: today's password opens it.", showVault, fields...)
}

// broken writes one that shows nothing.
func (r *returning) broken(base, name, expect, comment string, fields ...field) {
	r.w.t.Helper()
	r.w.on(base, name, expect, comment, append([]field{text("gone", "shows")}, fields...)...)
}
