package vault_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/cryptotest"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/internal/testvectors"
)

var updateVectors = flag.Bool("update", false, "put the vectors into testdata/vectors that are not there: those that are stay as they are")

const vectorFolder = "testdata/vectors"

// TestVectorsAreThoseThatAreMade makes every vector anew, and finds the same ones
// in the folder: none is forgotten, and they can be made again. With -update it
// puts those there that are missing; one that was published never changes, since it
// says what every later reader must open. The same program makes nearly the same
// bytes again, so that a change of the format can be reviewed:
//
//	go test ./vault -run TestVectorsAreThoseThatAreMade -update
func TestVectorsAreThoseThatAreMade(t *testing.T) {
	w := &vectorWriter{t: t, folder: t.TempDir(), written: map[string]bool{}}
	if *updateVectors {
		cryptotest.SetGlobalRandom(t, 1)
	} else {
		t.Parallel()
	}
	w.envelopes()
	w.signatures()
	w.restores()
	w.streams()
	w.secrets()
	w.paddings()
	w.encodings()
	w.codes()
	w.ownerHeads()
	w.spaceHeads()
	w.vaults()
	w.parts()
	w.directories()
	w.towns()
	w.quarters()
	w.returns()
	w.thumbnails()
	w.helping()
	w.waiting()
	w.sheets()
	w.links()
	w.transfers()
	if *updateVectors {
		w.addMissing()
	}
	made, kept := w.files(w.folder), w.files(vectorFolder)
	require.Len(t, kept, len(made))
	whole, err := testvectors.Load(w.folder)
	require.NoError(t, err)
	for i := range made {
		require.Equal(t, w.said(made[i]), w.said(kept[i]))
		if name := filepath.Base(kept[i]); exact[whole[strings.TrimSuffix(name, ".txt")].Text("kind")] {
			require.Equal(t, string(w.must(os.ReadFile(kept[i]))), string(w.must(os.ReadFile(made[i]))), name)
		}
	}
}

// addMissing copies what the folder does not have.
func (w *vectorWriter) addMissing() {
	w.t.Helper()
	for _, file := range w.files(w.folder) {
		to := filepath.Join(vectorFolder, filepath.Base(file))
		if _, err := os.Stat(to); err == nil {
			continue
		}
		raw, err := os.ReadFile(file)
		require.NoError(w.t, err)
		require.NoError(w.t, os.WriteFile(to, raw, 0o644))
	}
}

// said is what a file says of its vector; its bytes are random.
func (w *vectorWriter) said(file string) []string {
	w.t.Helper()
	raw, err := os.ReadFile(file)
	require.NoError(w.t, err)
	v, err := testvectors.Parse(filepath.Base(file), string(raw))
	require.NoError(w.t, err)
	outcome, _, _ := strings.Cut(v.Text("expect"), " item ") // ids are random
	outcome, _, _ = strings.Cut(outcome, " owner paper ")
	outcome, _, _ = strings.Cut(outcome, " grant ")
	return []string{v.Name, outcome, v.Text("comment"), v.Text("kind"), v.Text("base")}
}

func (w *vectorWriter) files(folder string) []string {
	w.t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.txt"))
	require.NoError(w.t, err)
	return files
}

type vectorWriter struct {
	t       *testing.T
	folder  string
	written map[string]bool
}

type field = testvectors.Field

func text(name, value string) field           { return field{Name: name, Line: value} }
func hexed(name string, b []byte) field       { return field{Name: name, Line: hex.EncodeToString(b)} }
func number(name string, n uint64) field      { return field{Name: name, Line: strconv.FormatUint(n, 10)} }
func data(name string, b []byte) field        { return field{Name: name, Data: b} }
func digested(name string, b []byte) field    { d := sha256.Sum256(b); return hexed(name, d[:]) }
func change(words ...string) field            { return text("change", strings.Join(words, " ")) }
func recordOf(key string, value []byte) field { return field{Name: "record", Line: key, Data: value} }

// put writes one vector.
func (w *vectorWriter) put(name, expect, comment string, fields ...field) {
	w.t.Helper()
	require.False(w.t, w.written[name], name)
	w.written[name] = true
	v := &testvectors.Vector{Fields: append([]field{text("expect", expect), text("comment", comment)}, fields...)}
	require.NoError(w.t, os.WriteFile(filepath.Join(w.folder, name+".txt"), []byte(v.String()), 0o644))
}

// on writes one that is another with something else.
func (w *vectorWriter) on(base, name, expect, comment string, fields ...field) {
	w.t.Helper()
	require.True(w.t, w.written[base], base)
	w.put(base+"-"+name, expect, comment, append([]field{text("base", base)}, fields...)...)
}

func (w *vectorWriter) must(b []byte, err error) []byte {
	w.t.Helper()
	require.NoError(w.t, err)
	return b
}

// place are the fields of a context.
func place(c seal.Context) []field {
	return []field{
		number("type", uint64(c.Type)), hexed("vault", c.Vault[:]), number("compartment", uint64(c.Compartment)),
		number("generation", c.Generation), hexed("object", c.Object), number("revision", c.Revision), hexed("holder", c.Holder),
	}
}

func filled(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

// somewhere is a place with something in every field.
func somewhere(t seal.Type) seal.Context {
	return seal.Context{
		Type: t, Vault: [16]byte([]byte("a vault's own id")), Compartment: seal.Private, Generation: 3,
		Object: []byte("the item's own id"), Revision: 4, Holder: []byte("a holder"),
	}
}

// envelopes writes one of each algorithm, and what is wrong with one.
func (w *vectorWriter) envelopes() {
	clear, body := []byte{0xa1, 0x01, 0x02}, []byte("acte de naissance – شهادة ميلاد")
	key, err := seal.KeyFromBytes(filled(0x41))
	require.NoError(w.t, err)
	box, err := seal.BoxKeyFromBytes(filled(0x42))
	require.NoError(w.t, err)

	c := somewhere(seal.TypeItem)
	with := func(kind string, envelope []byte, secret field) []field {
		return append(append([]field{text("kind", kind), secret}, place(c)...), data("envelope", envelope), hexed("clear", clear), hexed("body", body))
	}
	w.put("sealed", "success", "A record under XAES-256-GCM.", with("sealed", w.must(key.Seal(c, clear, body)), hexed("key", filled(0x41)))...)
	w.put("sealed-nothing", "success", "Neither clear header nor body.", append(append([]field{text("kind", "sealed"), hexed("key", filled(0x41))}, place(c)...),
		data("envelope", w.must(key.Seal(c, nil, nil))), text("clear", ""), text("body", ""))...)
	w.malformed("sealed")
	w.elsewhere("sealed")
	w.on("sealed", "another-key", "open", "The right record, another key.", hexed("key", filled(0x40)))
	w.on("sealed", "bad-padding", "open", "The body is right, but its padding is in a larger class than its length has.",
		data("envelope", w.must(sealUnpadded(filled(0x41), c, clear, append(append(bytes.Clone(body), 0x80), make([]byte, 511-len(body))...)))))

	w.put("committed", "success", "A root under the key of a human secret: a commitment of 32 bytes, then XAES-256-GCM.",
		with("committed", w.must(key.SealCommitted(c, clear, body)), hexed("key", filled(0x41)))...)
	w.elsewhere("committed")
	w.on("committed", "flipped-commitment", "open", "One bit of the commitment: refused before anything is decrypted.", change("flip", "envelope", "11"))
	w.on("committed", "flipped-payload", "open", "One bit behind the commitment.", change("flip", "envelope", "60"))
	w.on("committed", "odd-length", "format", "A payload of a length that no padded body has.", change("append", "envelope", "00"))
	w.on("committed", "as-sealed", "format", "The bytes are committed, the place demands a sealed record.", text("kind", "sealed"))
	w.on("committed", "another-key", "open", "Another secret's key.", hexed("key", filled(0x40)))

	w.put("boxed", "success", "A deposit in an inbox: HPKE base mode, X-Wing, HKDF-SHA256, AES-256-GCM.",
		with("boxed", w.must(box.Public().Seal(c, clear, body)), hexed("key", filled(0x42)))...)
	w.elsewhere("boxed")
	w.on("boxed", "another-key", "open", "Another inbox.", hexed("key", filled(0x40)))
	w.on("boxed", "flipped", "open", "One bit of the encapsulated key.", change("flip", "envelope", "100"))
	w.on("boxed", "cut", "open", "Shorter than an encapsulated key and a tag.", change("cut", "envelope", "1000"))

	file := seal.Context{Type: seal.TypeKeyFile}
	kept := w.must(seal.SealKeeper(c, clear, body, func(p []byte) ([]byte, error) { return key.Seal(file, nil, p) }))
	w.put("kept", "success", "Kept by a key service, here a key file: its payload is a sealed envelope of type 37.", with("kept", kept, hexed("key", filled(0x41)))...)
	w.elsewhere("kept")
	w.on("kept", "another-key-file", "open", "Another key file.", hexed("key", filled(0x40)))
}

// malformed are envelopes whose framing is wrong.
func (w *vectorWriter) malformed(base string) {
	w.on(base, "flipped", "open", "One bit of the ciphertext.", change("flip", "envelope", "50"))
	w.on(base, "flipped-clear", "open", "One bit of the clear header.", change("flip", "envelope", "10"))
	w.on(base, "cut", "open", "The last byte is missing.", change("cut", "envelope", "1"))
	w.on(base, "appended", "open", "A byte behind the envelope.", change("append", "envelope", "00"))
	w.on(base, "format-0", "format", "A format below the minimum.", change("flip", "envelope", "0"))
	for _, wrong := range []struct {
		name, comment string
		at            int
		to            []byte
	}{
		{"format-2", "A format that is not known.", 0, []byte{2}},
		{"algorithm-0", "No algorithm.", 1, []byte{0}},
		{"algorithm-7", "An unknown algorithm.", 1, []byte{7}},
		{"algorithm-stream", "The algorithm of streams, which never lie in envelopes.", 1, []byte{5}},
		{"algorithm-other", "A known algorithm, but not the one that this place demands.", 1, []byte{3}},
		{"type-0", "No type.", 2, []byte{0, 0}},
		{"type-unknown", "An unknown type.", 2, []byte{0x27, 0x0f}},
		{"clear-too-long", "A clear header longer than the envelope.", 4, []byte{0, 0, 0x40, 0}},
	} {
		env := w.read(base).Bytes("envelope")
		copy(env[wrong.at:], wrong.to)
		w.on(base, wrong.name, "format", wrong.comment, data("envelope", env))
	}
	w.on(base, "shorter-than-its-head", "format", "Seven bytes.", data("envelope", w.read(base).Bytes("envelope")[:7]))
}

// elsewhere are right bytes read at a wrong place: each field of the associated
// data counts.
func (w *vectorWriter) elsewhere(base string) {
	w.on(base, "another-type", "open", "Read where a page is expected.", number("type", uint64(seal.TypePage)))
	w.on(base, "another-vault", "open", "Read in another vault.", hexed("vault", []byte("another vault id")))
	w.on(base, "another-compartment", "open", "Read in Shared.", number("compartment", 2))
	w.on(base, "another-generation", "open", "Read as of another generation.", number("generation", 4))
	w.on(base, "another-object", "open", "Read under another id.", hexed("object", []byte("the item's own iD")))
	w.on(base, "another-revision", "open", "Read as another revision.", number("revision", 3))
	w.on(base, "another-holder", "open", "Read as somebody else's.", hexed("holder", []byte("a Holder")))
	w.on(base, "object-into-holder", "open", "The same bytes, cut between object and holder elsewhere.",
		hexed("object", []byte("the item's own i")), hexed("holder", []byte("da holder")))
}

func (w *vectorWriter) read(name string) *testvectors.Vector {
	w.t.Helper()
	all, err := testvectors.Load(w.folder)
	require.NoError(w.t, err)
	require.NotNil(w.t, all[name], name)
	return all[name]
}

// alone reads a vector without its base.
func (w *vectorWriter) alone(name string) *testvectors.Vector {
	w.t.Helper()
	raw, err := os.ReadFile(filepath.Join(w.folder, name+".txt"))
	require.NoError(w.t, err)
	v, err := testvectors.Parse(name, string(raw))
	require.NoError(w.t, err)
	return v
}

func (w *vectorWriter) signatures() {
	key, err := seal.SigningKeyFromBytes(filled(0x43))
	require.NoError(w.t, err)
	other, err := seal.SigningKeyFromBytes(filled(0x44))
	require.NoError(w.t, err)
	c, body := somewhere(seal.TypeStatement), []byte("a statement")
	fields := append([]field{text("kind", "signed"), hexed("key", key.Public())}, place(c)...)
	w.put("signed", "success", "An envelope that all can read: the clear header is the message, the payload its signature. key is the public key.",
		append(fields, data("envelope", w.must(key.SignEnvelope(c, body))), hexed("body", body))...)
	w.elsewhere("signed")
	w.on("signed", "flipped", "open", "One bit of the message.", change("flip", "envelope", "9"))
	w.on("signed", "by-another", "open", "Signed by another key.", data("envelope", w.must(other.SignEnvelope(c, body))))
	w.on("signed", "low-order-key", "format", "A public key of low order, under which signatures are easily made.", hexed("key", make([]byte, 32)))
	w.on("signed", "key-not-canonical", "format", "A public key that is not in its one encoding.", hexed("key", append(bytes.Repeat([]byte{0xff}, 31), 0x7f)))
	w.on("signed", "short-key", "format", "A public key of 31 bytes.", hexed("key", key.Public()[:31]))

	fields = append([]field{text("kind", "signature"), hexed("key", key.Public())}, place(c)...)
	w.put("signature", "success", "A signature outside an envelope.", append(fields, hexed("body", body), hexed("signature", key.Sign(c, body)))...)
	w.elsewhere("signature")
	w.on("signature", "another-message", "open", "Of another message.", hexed("body", []byte("a Statement")))
	envelope := w.must(key.SignEnvelope(c, body))
	w.on("signature", "of-an-envelope", "open", "The payload of an envelope is no signature outside of one.", hexed("signature", envelope[len(envelope)-64:]))

	vault, counter := [16]byte([]byte("a vault's own id")), [32]byte(filled(0x45))
	w.put("reset", "success", "A counter at the witness may go back.", text("kind", "reset"), hexed("key", key.Public()), hexed("vault", vault[:]),
		data("envelope", w.must(key.SealReset(vault, counter, 7))), hexed("counter", counter[:]), number("count", 7))
	w.on("reset", "another-vault", "open", "Of another vault.", hexed("vault", []byte("another vault id")))
	w.on("reset", "signed-by-another", "open", "Signed by another key.", data("envelope", w.must(other.SealReset(vault, counter, 7))))
}

// restores are statements of operator and witness about one vault.
func (w *vectorWriter) restores() {
	operator, witness := seal.NewSigningKey(), seal.NewSigningKey()
	id := [16]byte([]byte("a vault's own id"))
	r := &seal.Restore{Vault: id, Epoch: 2, Taken: 1_772_442_000_000, Issued: 1_772_452_000_000, Heads: []seal.RestoredHead{
		{Head: "shared", Version: 5, Hash: [32]byte(filled(1))}, {Head: "private"}, {Head: "journal", Version: 9, Hash: [32]byte(filled(2))},
	}}
	statement := w.must(operator.SealRestore(r))
	complete := w.must(witness.CountersignRestore(id, statement))
	w.put("restored", "success", "A restore statement, signed by the operator and countersigned by the witness.", text("kind", "restored"),
		hexed("operator", operator.Public()), hexed("witness", witness.Public()), hexed("vault", id[:]), number("epoch", 2), data("statement", complete))
	w.on("restored", "another-vault", "open", "About another vault.", hexed("vault", []byte("another vault id")))
	w.on("restored", "operator-alone", "open", "Countersigned by the operator itself.", data("statement", w.must(operator.CountersignRestore(id, statement))))
	w.on("restored", "another-operator", "open", "Signed by another operator.", hexed("operator", seal.NewSigningKey().Public()))
	w.on("restored", "trailing-byte", "format", "A byte behind the statement.", change("append", "statement", "00"))
	place := seal.Context{Type: seal.TypeStatement, Vault: id}
	second := seal.Context{Type: seal.TypeCountersigned, Vault: id}
	digest := seal.Digest([]byte("another statement"))
	w.on("restored", "another-statement", "open", "The witness stands by another statement.", data("statement", w.must(seal.Marshal(struct {
		Operator []byte `cbor:"1,keyasint"`
		Witness  []byte `cbor:"2,keyasint"`
	}{statement, w.must(witness.SignEnvelope(second, digest[:]))}))))
	r.Heads[0].Head, r.Heads[1].Head = "private", "shared"
	swapped := w.must(operator.SignEnvelope(place, w.must(seal.Marshal(r))))
	w.on("restored", "heads-out-of-order", "format", "The heads stand in another order.", data("statement", w.must(witness.CountersignRestore(id, swapped))))
	r.Heads, r.Epoch = r.Heads[:2], 0
	fewer := w.must(operator.SignEnvelope(place, w.must(seal.Marshal(r))))
	w.on("restored", "no-epoch", "format", "A head less, and no epoch.", data("statement", w.must(witness.CountersignRestore(id, fewer))))
}

func (w *vectorWriter) streams() {
	key, err := seal.KeyFromBytes(filled(0x46))
	require.NoError(w.t, err)
	c := somewhere(seal.TypeDocument)
	stream := func(document []byte) []byte {
		var out bytes.Buffer
		s, err := seal.NewStreamWriter(&out, key, c)
		require.NoError(w.t, err)
		_, err = s.Write(document)
		require.NoError(w.t, err)
		require.NoError(w.t, s.Close())
		return out.Bytes()
	}
	put := func(name, comment string, document []byte) {
		w.put(name, "success", comment, append(append([]field{text("kind", "stream"), hexed("key", filled(0x46))}, place(c)...),
			number("size", uint64(len(document))), data("stream", stream(document)), digested("digest", document))...)
	}
	put("stream-empty", "A document without a byte: its stream holds 1024 bytes of padding.", nil)
	put("stream", "A document of one segment.", content(1, 1500))
	put("stream-long", "A document over a segment boundary.", content(2, 262_200))

	w.elsewhere("stream")
	w.on("stream", "another-key", "open", "Another data key.", hexed("key", filled(0x47)))
	w.on("stream", "header-length", "open", "The first byte is not 40.", change("flip", "stream", "0"))
	w.on("stream", "flipped-salt", "open", "One bit of the salt.", change("flip", "stream", "9"))
	w.on("stream", "flipped", "open", "One bit of the segment.", change("flip", "stream", "700"))
	w.on("stream", "cut", "open", "The last byte is missing.", change("cut", "stream", "1"))
	w.on("stream", "appended", "open", "A byte behind the last segment.", change("append", "stream", "00"))
	w.on("stream", "padding-not-zero", "open", "The record says fewer bytes than were sealed: what should be padding is not zero.", number("size", 1499))
	w.on("stream", "size-class", "open", "The record says a size of another class.", number("size", 3000))
	w.on("stream-long", "segment-cut", "open", "The last segment is cut.", change("cut", "stream", "4000"))
	w.on("stream-long", "last-segment-missing", "open", "Cut exactly behind the first segment.", change("cut", "stream", strconv.Itoa(len(stream(make([]byte, 262_200)))-262_144)))
	w.on("stream-long", "first-segment-missing", "open", "Without its first segment.", change("remove", "stream", "40", strconv.Itoa(262_144-40)))
	w.on("stream-long", "last-flipped", "open", "One bit of the last segment: not one byte of the document's end is released.", change("flip", "stream", "262200"))
}

func (w *vectorWriter) secrets() {
	salt := []byte("sixteen bytes of")
	k := seal.KDF{Algorithm: seal.Argon2id, Time: 3, MemoryKiB: 64 << 10, Threads: 1, Salt: salt}
	key, err := k.Derive([]byte("bato kiru mesa lova"))
	require.NoError(w.t, err)
	w.put("kdf", "success", "A password by Argon2id at the floor, which is also what new keyslots get.", text("kind", "kdf"), text("password", "bato kiru mesa lova"),
		number("algorithm", 1), number("time", 3), number("memory", 64<<10), number("threads", 1), hexed("salt", salt), hexed("key", key.Bytes()))
	for _, wrong := range []struct{ name, field, value, comment string }{
		{"algorithm", "algorithm", "2", "Another algorithm."},
		{"time-missing", "time", "0", "What is missing has no default."},
		{"time-below-floor", "time", "2", "Fewer passes than the floor."},
		{"time-above-ceiling", "time", "11", "More passes than the ceiling."},
		{"memory-below-floor", "memory", "65535", "Less memory than the floor."},
		{"memory-above-ceiling", "memory", "262145", "More memory than the ceiling."},
		{"no-threads", "threads", "0", "No thread."},
		{"threads-above-ceiling", "threads", "5", "More threads than the ceiling."},
		{"short-salt", "salt", hex.EncodeToString(salt[:15]), "A salt of 15 bytes."},
		{"long-salt", "salt", hex.EncodeToString(append(filled(1), 1)), "A salt of 33 bytes."},
	} {
		w.on("kdf", wrong.name, "kdf", wrong.comment, text(wrong.field, wrong.value))
	}
	secret := filled(0x48)
	w.put("derive", "success", "A key from a secret of full entropy, by HKDF-SHA256.", text("kind", "derive"), hexed("secret", secret),
		text("label", "keyring"), text("salt", ""), hexed("key", seal.DeriveKey(secret, "keyring", nil).Bytes()))
	w.put("derive-salted", "success", "The same with a salt and another label.", text("kind", "derive"), hexed("secret", secret),
		text("label", "session"), hexed("salt", salt), hexed("key", seal.DeriveKey(secret, "session", salt).Bytes()))
}

func (w *vectorWriter) paddings() {
	sizes := []field{text("kind", "sizes")}
	for _, n := range []int{0, 254, 255, 256, 511, 512, 4094, 4095, 4096, 5000, 14_338, 100_000} {
		sizes = append(sizes, text("body", strconv.Itoa(n)+" "+strconv.Itoa(len(seal.PadBody(make([]byte, n))))))
	}
	for _, n := range []int64{0, 1, 1024, 1025, 1500, 65_537, 262_088, 262_200, 1 << 20, 150_000_000, 1 << 40} {
		sizes = append(sizes, text("document", strconv.FormatInt(n, 10)+" "+strconv.FormatInt(seal.PaddedSize(n), 10)+" "+strconv.FormatInt(seal.SealedSize(n), 10)))
	}
	w.put("sizes", "success", "Lengths and their classes. body: bytes, padded. document: bytes, padded, length of the stream.", sizes...)
	padded := seal.PadBody([]byte("body"))
	w.put("padding", "success", "A padded body.", text("kind", "padding"), data("padded", padded), hexed("body", []byte("body")))
	w.on("padding", "no-mark", "open", "Zeros only.", data("padded", make([]byte, 256)))
	w.on("padding", "other-mark", "open", "Another end mark.", change("flip", "padded", "4"))
	w.on("padding", "not-zero", "open", "A byte behind the mark: it is then the mark, and is not 0x80.", change("flip", "padded", "100"))
	w.on("padding", "larger-class", "open", "More zeros than the length has.", data("padded", append(bytes.Clone(padded), make([]byte, 256)...)))
	w.on("padding", "cut", "open", "No size class.", change("cut", "padded", "1"))
}

// blobNames are the blobs that the items among records name.
func blobNames(t testing.TB, records map[string][]byte, items string) map[string]bool {
	names := map[string]bool{}
	for key, value := range records {
		if strings.HasPrefix(key, items) {
			for _, name := range blobsNamed(t, value) {
				names[name] = true
			}
		}
	}
	return names
}

// blobNamed is the first blob that a record of an item names, "" if none.
func blobNamed(t testing.TB, value []byte) string {
	return append(blobsNamed(t, value), "")[0]
}

func blobsNamed(t testing.TB, value []byte) (names []string) {
	_, clear, err := seal.ParseClear(value)
	require.NoError(t, err)
	var c struct {
		Revision   uint64 `cbor:"1,keyasint"`
		Generation uint64 `cbor:"2,keyasint"`
		Parts      []struct {
			Role     string `cbor:"1,keyasint"`
			Blob     string `cbor:"2,keyasint"`
			Length   int64  `cbor:"3,keyasint"`
			Digest   []byte `cbor:"4,keyasint"`
			Revision uint64 `cbor:"5,keyasint"`
		} `cbor:"3,keyasint,omitempty"`
	}
	require.NoError(t, seal.Unmarshal(clear, &c))
	for _, p := range c.Parts {
		names = append(names, p.Blob)
	}
	return names
}
