package vault_test

import (
	"archive/zip"
	"bytes"
	"encoding/hex"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
)

func (s *scene) key(rest string) string { return s.v.ID().String() + "/" + rest }

// requireUnreadable demands that a document is refused however it is read, that
// a control says so, and that no byte is released that was not there.
func requireUnreadable(t *testing.T, s *hostile, it vault.Item, honest []byte, msg ...any) {
	t.Helper()
	got, err := tryRead(t, s.v, it.ID)
	require.ErrorIs(t, err, vault.ErrTampered, msg...)
	require.True(t, bytes.HasPrefix(honest, got), msg...)
	require.True(t, len(honest) == 0 || len(got) < len(honest), "all of it was released before the end was checked: %v", msg)
	report, err := s.v.Control(t.Context(), it.ID)
	require.NoError(t, err, msg...)
	require.False(t, report.Intact, msg...)
}

func swappedBlobs(t *testing.T, s *hostile) {
	b := [][]byte{content(1, 70_000), content(2, 70_000)}
	one, two := add(t, s.v, "one", b[0]), add(t, s.v, "two", b[1])
	bystander := add(t, s.v, "bystander", content(3, 100))
	s.content(t, one).Swap(s.content(t, two))
	requireUnreadable(t, s, one, b[0])
	requireUnreadable(t, s, two, b[1])
	require.ErrorIs(t, rangeError(t, s.v, one.ID, 10, 10), vault.ErrTampered)
	_, err := s.v.Move(t.Context(), one.ID, 1, vault.Shared)
	require.ErrorIs(t, err, vault.ErrTampered, "nor is it sealed anew as if it were well")
	require.Equal(t, content(3, 100), read(t, s.v, bystander.ID))
}

// rangeError reads a part of a document and returns why it cannot be read.
func rangeError(t *testing.T, v *vault.Vault, id vault.ItemID, offset, length int64) error {
	t.Helper()
	c, err := v.ReadDocumentRange(t.Context(), id, offset, length)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = io.ReadAll(c)
	return err
}

func swappedVaultsAndSides(t *testing.T, s *hostile) {
	other := s.Person(t)
	mine, theirs := add(t, s.v, "Carte", content(1, 5000)), add(t, other.Vault, "Carte", content(2, 5000))
	shared := addTo(t, s.v, vault.NewDocument{Name: "Carte", Compartment: vault.Shared}, content(3, 5000))
	h := remember(t, s.v)
	require.NoError(t, h.survey(t, s))
	for _, blob := range []storagetest.Piece{s.host.Blob(blobOf(t, other.Vault, theirs.ID)), s.content(t, shared)} {
		s.content(t, mine).Swap(blob)
		requireUnreadable(t, s, mine, content(1, 5000))
		requireRefused(t, h.survey(t, s))
		s.host.Honest()
	}
	id := other.Vault.ID().String() + "/"
	pairs := [][2]string{{s.key("x/s/0"), s.key("x/p/0")}, {s.key("h/s"), s.key("h/p")}, {s.key("k/s"), s.key("k/p")},
		{s.key("i/" + mine.ID.String()), id + "i/" + theirs.ID.String()}, {s.key("i/" + mine.ID.String()), s.key("i/" + shared.ID.String())}}
	for _, rest := range []string{"h/o", "h/s", "h/p", "h/j", "k/o", "k/s", "k/p", "k/w", "x/s/0", "x/p/0"} {
		pairs = append(pairs, [2]string{s.key(rest), id + rest})
	}
	for _, pair := range pairs {
		s.host.Record(pair[0]).Swap(s.host.Record(pair[1]))
		requireRefused(t, h.survey(t, s), pair)
		s.host.Honest()
	}
	s.record("x/o/0").Swap(s.host.Record(id + "x/o/0")) // Owner's papers are not looked at by the survey
	_, err := s.person.SignIn(t, s.Another(t, nil)).Consents(t.Context())
	requireRefused(t, err)
	s.host.Honest()
	for _, kind := range []string{"", "h/", "k/", "s/", "x/", "i/", "j/"} {
		s.host.SwapPrefixes(s.key(kind), id+kind)
		requireRefused(t, h.survey(t, s), "all of %q", kind)
		s.host.Honest()
	}
	require.NoError(t, h.survey(t, s), "and all is well again")
}

func blobOfAnOlderRevision(t *testing.T, s *hostile) {
	it := add(t, s.v, "Carte", content(1, 5000))
	old := s.content(t, it)
	next, err := s.v.ReplaceDocument(t.Context(), it.ID, 1, vault.NewDocument{}, bytes.NewReader(content(2, 5000)))
	require.NoError(t, err)
	s.content(t, next).Forge(old.Versions()[0]) // which was deleted, and is not forgotten
	requireUnreadable(t, s, next, content(2, 5000))
}

func cutBlob(t *testing.T, s *hostile) {
	for _, size := range []int{3000, 3*segment + 100} {
		b := content(1, size)
		it := add(t, s.v, "Carte", b)
		blob := s.content(t, it)
		whole := blob.Bytes()
		cuts := []int{0, 1, 39, 40, 41, 1000, segment - 1, segment, segment + 1, 2 * segment, 3 * segment, 3*segment + 16, len(whole) - 17, len(whole) - 16, len(whole) - 1}
		for _, n := range cuts {
			if n < 0 || n >= len(whole) {
				continue
			}
			blob.Cut(n)
			requireUnreadable(t, s, it, b, n)
			require.ErrorIs(t, rangeError(t, s.v, it.ID, int64(size)-1, 1), vault.ErrTampered, "the last byte, cut at %d", n)
			blob.Honest()
		}
		for _, more := range [][]byte{{0}, whole, whole[len(whole)-100:], make([]byte, segment)} {
			blob.Append(more)
			got, err := tryRead(t, s.v, it.ID)
			require.ErrorIs(t, err, vault.ErrTampered)
			require.True(t, bytes.HasPrefix(b, got))
			blob.Honest()
		}
		blob.Drop()
		requireUnreadable(t, s, it, b)
		blob.Honest()
		require.Equal(t, b, read(t, s.v, it.ID))
	}
}

func mixedSegments(t *testing.T, s *hostile) {
	b := content(1, 4*segment+100)
	it, twin := add(t, s.v, "Carte", b), add(t, s.v, "Carte", b)
	blob, other := s.content(t, it), s.content(t, twin)
	for what, order := range map[string][]int{
		"dropped":   {0, 2, 3, 4},
		"repeated":  {0, 1, 1, 2, 3, 4},
		"replaced":  {0, 1, 1, 3, 4},
		"reordered": {0, 2, 1, 3, 4},
		"last only": {0, 4},
	} {
		blob.Rearrange(segment, order...)
		requireUnreadable(t, s, it, b, what)
		blob.Honest()
	}
	blob.Splice(2*segment, other.Bytes()[2*segment:3*segment])
	requireUnreadable(t, s, it, b, "spliced")
	blob.Honest()
	blob.Rearrange(segment, 0, 1, 2, 3, 4)
	require.Equal(t, b, read(t, s.v, it.ID))
}

func recordOnOtherContent(t *testing.T, s *hostile) {
	one, two := add(t, s.v, "one", content(1, 5000)), add(t, s.v, "two", content(2, 5000))
	s.item(one).Swap(s.item(two))
	for _, it := range []vault.Item{one, two} {
		requireNamed(t, s.v, it)
		_, err := s.v.ReadDocument(t.Context(), it.ID)
		require.ErrorIs(t, err, vault.ErrTampered)
		_, err = s.v.Edit(t.Context(), it.ID, 1, vault.Edit{})
		require.ErrorIs(t, err, vault.ErrTampered)
		require.ErrorIs(t, s.v.Destroy(t.Context(), it.ID, 1), vault.ErrTampered)
	}
}

// requireNamed demands that an item is refused, and said which.
func requireNamed(t *testing.T, v *vault.Vault, it vault.Item, msg ...any) {
	t.Helper()
	var altered *vault.TamperedError
	_, err := v.Item(t.Context(), it.ID)
	require.ErrorAs(t, err, &altered, msg...)
	require.Equal(t, "item "+it.ID.String(), altered.What, msg...)
}

// fieldsOfAnotherRecord puts pieces of one record into another of the same kind
// and length, wherever they may begin.
func fieldsOfAnotherRecord(t *testing.T, s *hostile) {
	one, two := add(t, s.v, "one", content(1, 500)), add(t, s.v, "two", content(2, 500))
	whole, theirs := s.item(one).Bytes(), s.item(two).Bytes()
	require.Len(t, theirs, len(whole))
	pasted := 0
	for _, width := range []int{1, 8, 32, 100, len(whole)} {
		for at := 0; at+width <= len(whole); at += max(width, len(whole)/12) {
			if bytes.Equal(whole[at:at+width], theirs[at:at+width]) {
				continue
			}
			s.item(one).Splice(at, theirs[at:at+width])
			requireNamed(t, s.v, one, "%d bytes at %d", width, at)
			s.item(one).Honest()
			pasted++
		}
	}
	require.Greater(t, pasted, 20)
	h := remember(t, s.v)
	for _, pair := range [][2]string{{"h/s", "h/p"}, {"k/s", "k/p"}, {"x/s/0", "x/p/0"}, {"j/0000000000000001", "j/0000000000000002"}} {
		b := s.record(pair[1]).Bytes()
		for _, at := range []int{2, len(b) / 3, len(b) / 2} { // with the rest of the other, or half of what is left
			for _, end := range []int{len(b), at + (len(b)-at)/2} {
				s.record(pair[0]).Splice(at, b[at:min(end, len(s.record(pair[0]).Bytes()))])
				requireRefused(t, h.survey(t, s), "%s from %d", pair[0], at)
				s.host.Honest()
			}
		}
	}
}

// hostileNames: what cannot be seen in a name is refused; what can lead a program
// astray is kept exactly as it was written, and harmless where it goes out.
func hostileNames(t *testing.T, s *hostile) {
	for _, name := range []string{"a\x00b", "a\nb", "a\x1b[2Jb", "a\u0085b"} {
		_, err := s.v.AddDocument(t.Context(), vault.NewDocument{Name: name}, strings.NewReader("x"))
		requireInvalid(t, err, "name")
	}
	_, err := s.v.AddDocument(t.Context(), vault.NewDocument{Name: "a", MediaType: "text/html\r\nX: y"}, strings.NewReader("x"))
	require.ErrorIs(t, err, vault.ErrInvalid)
	hostile := []string{"../../etc/passwd", "..\\..\\boot.ini", "/etc/passwd", "fac\u202efdp.exe", "con", "a:b", "<script>alert(1)</script>.html"}
	for _, name := range hostile {
		it := addTo(t, s.v, vault.NewDocument{Name: name, MediaType: "text/html"}, []byte("<script>"))
		require.Equal(t, name, it.Name)
		for n := 0; n < 8*len(s.item(it).Bytes()); n += 997 { // nor does the host write such a name, or such a media type
			s.item(it).Flip(n)
			requireNamed(t, s.v, it, n)
			s.item(it).Honest()
		}
	}
	var out bytes.Buffer
	require.NoError(t, s.v.Export(t.Context(), &out, nil))
	z, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	require.NoError(t, err)
	documents := 0
	for _, f := range z.File {
		require.True(t, filepath.IsLocal(f.Name), f.Name)
		require.NotRegexp(t, "[\\x00-\\x1f\\\\:<>\u202a-\u202e\u2066-\u2069]", f.Name)
		if strings.HasPrefix(f.Name, "reconnect/data/documents/") {
			documents++
			require.Equal(t, 4, strings.Count(f.Name, "/"), "no name makes a folder: %s", f.Name)
		}
	}
	require.Equal(t, len(hostile), documents)
}

// sameSizes: what is stored of a short and of a long title, and of documents of
// nearly the same length, is as long.
func sameSizes(t *testing.T, s *hostile) {
	size := func(it vault.Item) int { return len(s.item(it).Bytes()) }
	empty := add(t, s.v, "a", nil)
	for _, name := range []string{"Ordonnance", "Jugement d'expulsion du 3 mars", strings.Repeat("x", 40)} {
		require.Equal(t, size(empty), size(add(t, s.v, name, nil)), name)
	}
	note := addNote(t, s.v, "a", "")
	require.Equal(t, size(note), size(addNote(t, s.v, "séropositif", strings.Repeat("x", 20))))
	lengths := map[int64]int{}
	for n := 100_000; n < 101_000; n += 50 {
		it := add(t, s.v, "a", content(uint64(n), n))
		lengths[it.Document.Stored]++
		require.Len(t, s.content(t, it).Bytes(), int(seal.SealedSize(int64(n))))
	}
	require.LessOrEqual(t, len(lengths), 2, "%v", lengths)
	require.Equal(t, add(t, s.v, "a", nil).Document.Stored, add(t, s.v, "a", content(1, 1000)).Document.Stored)
}

func nothingIsCompressed(t *testing.T, s *hostile) {
	secret, guess := strings.Repeat("numéro 2 85 07 75 ", 2000), strings.Repeat("numéro 2 85 07 75 ", 1000)
	for _, b := range [][]byte{[]byte(secret), []byte(guess + guess), make([]byte, len(secret)), content(1, len(secret))} {
		it := add(t, s.v, "a", b)
		require.Equal(t, seal.SealedSize(int64(len(secret))), it.Document.Stored)
		require.EqualValues(t, it.Document.Stored, len(s.content(t, it).Bytes()))
		note := addNote(t, s.v, "a", string(bytes.Repeat([]byte{b[0]&0x7f | 0x40}, 3000)))
		mixed := addNote(t, s.v, "a", strings.Repeat("abcdefghij", 300))
		random := addNote(t, s.v, "a", hex.EncodeToString(content(9, 1500)))
		require.Len(t, s.item(mixed).Bytes(), len(s.item(note).Bytes()))
		require.Len(t, s.item(random).Bytes(), len(s.item(note).Bytes()))
	}
}

func readThatEndsEarly(t *testing.T, s *hostile) {
	b := content(1, 2*segment+100)
	it := add(t, s.v, "Carte", b)
	blob := s.content(t, it)
	for _, after := range []int{0, 10, 40, 1000, segment, 2 * segment, 2*segment + 50, int(seal.SealedSize(int64(len(b)))) - 1} {
		blob.EndEarly(after)
		got, err := tryRead(t, s.v, it.ID)
		require.ErrorIs(t, err, vault.ErrTampered)
		require.True(t, bytes.HasPrefix(b, got) && len(got) < len(b))
		c, err := s.v.ReadDocument(t.Context(), it.ID)
		require.NoError(t, err)
		_, err = io.ReadFull(c, make([]byte, len(b))) // who counts bytes instead of waiting for the end
		require.Error(t, err)
		require.NoError(t, c.Close())
		_, err = s.v.Move(t.Context(), it.ID, 1, vault.Shared)
		require.ErrorIs(t, err, vault.ErrTampered, "nothing is marked complete")
		w, err := s.v.ReplaceDocument(t.Context(), it.ID, 1, vault.NewDocument{}, readDocument(t, s.v, it.ID))
		require.ErrorIs(t, err, vault.ErrTampered, "%v", w)
		blob.Honest()
	}
	require.Equal(t, b, read(t, s.v, it.ID))
}

func readDocument(t *testing.T, v *vault.Vault, id vault.ItemID) io.Reader {
	t.Helper()
	c, err := v.ReadDocument(t.Context(), id)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// A document of several blobs: none can stand for another, be missing, or be cut.
func swappedParts(t *testing.T, s *hostile) {
	size := 2*uploadPart + 70_000
	b := [][]byte{content(1, size), content(2, size)}
	one := uploaded(t, s.v, vault.NewDocument{Name: "one"}, b[0])
	two := uploaded(t, s.v, vault.NewDocument{Name: "two"}, b[1])
	mine, theirs := s.blobs(t, one), s.blobs(t, two)
	for what, spoil := range map[string]func(){
		"of the same document":   func() { mine[0].Swap(mine[1]) },
		"of another":             func() { mine[1].Swap(theirs[1]) },
		"the last of another":    func() { mine[2].Swap(theirs[2]) },
		"the last in the middle": func() { mine[1].Swap(mine[2]) },
		"one twice":              func() { mine[1].Forge(mine[0].Bytes()) },
		"the first is gone":      func() { mine[0].Drop() },
		"the last is gone":       func() { mine[2].Drop() },
		"the last is empty":      func() { mine[2].Cut(0) },
		"the last is cut":        func() { mine[2].Cut(len(mine[2].Bytes()) - 1) },
		"the middle is cut":      func() { mine[1].Cut(segment) },
		"the middle is longer":   func() { mine[1].Append([]byte{0}) },
	} {
		spoil()
		requireUnreadable(t, s, one, b[0], what)
		if what != "the middle is longer" { // a range does not look behind its end
			require.ErrorIs(t, rangeError(t, s.v, one.ID, 0, int64(size)), vault.ErrTampered, what)
		}
		_, err := s.v.Move(t.Context(), one.ID, 1, vault.Shared)
		require.ErrorIs(t, err, vault.ErrTampered, what)
		s.host.Honest()
	}
	require.Equal(t, b[0], read(t, s.v, one.ID))
}

// blobs are those of a document, in its order.
func (s *hostile) blobs(t testing.TB, it vault.Item) (out []storagetest.Piece) {
	t.Helper()
	m, err := s.v.Metadata(t.Context(), it.ID)
	require.NoError(t, err)
	for _, p := range m.Parts {
		out = append(out, s.host.Blob(p.Blob))
	}
	return out
}

// Who has the compartment's key writes the record anew, with each blob and its key, in
// another order. A range has no digest that would tell.
func partsInAnotherOrder(t *testing.T, s *hostile) {
	b := content(1, 2*uploadPart+70_000)
	it := uploaded(t, s.v, vault.NewDocument{Name: "one"}, b)
	require.NoError(t, rangeError(t, s.v, it.ID, uploadPart+10, 10))
	require.NoError(t, s.v.ExchangeParts(t.Context(), it.ID, 0, 1))
	require.ErrorIs(t, rangeError(t, s.v, it.ID, 10, 10), vault.ErrTampered)
	require.ErrorIs(t, rangeError(t, s.v, it.ID, uploadPart+10, 10), vault.ErrTampered)
	require.NoError(t, rangeError(t, s.v, it.ID, 2*uploadPart+10, 10))
}

// The last part of a document ends it: until that was read whole, its end is not
// released.
func lastPartThatEndsEarly(t *testing.T, s *hostile) {
	b := content(1, 2*uploadPart+segment)
	it := uploaded(t, s.v, vault.NewDocument{Name: "one"}, b)
	for i, blob := range s.blobs(t, it) {
		for _, after := range []int{0, 40, segment, len(blob.Bytes()) - 1} {
			blob.EndEarly(after)
			got, err := tryRead(t, s.v, it.ID)
			require.ErrorIs(t, err, vault.ErrTampered)
			require.True(t, bytes.HasPrefix(b, got) && len(got) < len(b), "part %d after %d", i, after)
			blob.Honest()
		}
	}
	require.Equal(t, b, read(t, s.v, it.ID))
}

// The store brings back an older state of an upload, that of another, one that somebody
// else has made: its maker goes on with what they sent, or with nothing.
func uploadOfBefore(t *testing.T, s *hostile) {
	b, other := content(1, 3*uploadPart), content(2, 3*uploadPart)
	u := begin(t, s.v, vault.NewDocument{Name: "one"}, len(b))
	foreign := send(t, s.v, begin(t, s.v, vault.NewDocument{Name: "two"}, len(other)), other)
	u, err := s.v.AppendUpload(t.Context(), u.ID, 0, bytes.NewReader(b[:uploadPart]))
	require.NoError(t, err)
	u, err = s.v.AppendUpload(t.Context(), u.ID, u.Offset, bytes.NewReader(b[u.Offset:2*uploadPart]))
	require.NoError(t, err)
	mine, theirs := s.record("u/"+u.ID.String()), s.record("u/"+foreign.ID.String())
	mine.Swap(theirs)
	_, err = s.v.FinishUpload(t.Context(), u.ID)
	require.ErrorIs(t, err, vault.ErrTampered)
	s.host.Honest()
	mine.Forge(mine.Versions()[1])
	now, err := s.v.Upload(t.Context(), u.ID)
	require.NoError(t, err)
	require.EqualValues(t, uploadPart, now.Offset)
	s.host.Honest()
	it := finish(t, s.v, send(t, s.v, u, b))
	require.Equal(t, b, read(t, s.v, it.ID))
}
