package vault_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/quota"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

const uploadPart = 512 << 10 // of a document of up to 32 MiB

func begin(t testing.TB, v *vault.Vault, n vault.NewDocument, size int) vault.Upload {
	t.Helper()
	n.Size = int64(size)
	u, err := v.BeginUpload(t.Context(), n)
	require.NoError(t, err)
	require.Equal(t, int64(size), u.Size)
	return u
}

// send appends what is missing of b, in one call.
func send(t testing.TB, v *vault.Vault, u vault.Upload, b []byte) vault.Upload {
	t.Helper()
	u, err := v.AppendUpload(t.Context(), u.ID, u.Offset, bytes.NewReader(b[u.Offset:]))
	require.NoError(t, err)
	require.EqualValues(t, len(b), u.Offset)
	return u
}

func finish(t testing.TB, v *vault.Vault, u vault.Upload) vault.Item {
	t.Helper()
	it, err := v.FinishUpload(t.Context(), u.ID)
	require.NoError(t, err)
	return it
}

// uploaded adds a document through an upload.
func uploaded(t testing.TB, v *vault.Vault, n vault.NewDocument, b []byte) vault.Item {
	t.Helper()
	return finish(t, v, send(t, v, begin(t, v, n, len(b)), b))
}

func TestAnUploadInPartsIsADocumentLikeAnyOther(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 1000, uploadPart - 1, uploadPart, uploadPart + 1, 2*uploadPart + 4711, 3 * uploadPart} {
		w := newWatched(t, nil)
		p := w.Person(t)
		b := content(uint64(size), size)
		it := uploaded(t, p.Vault, vault.NewDocument{Name: "Film", MediaType: "video/mp4", Issued: "2026-01-02"}, b)
		require.Equal(t, "Film", it.Name)
		require.Equal(t, "video/mp4", it.Document.MediaType)
		require.Equal(t, vault.Date("2026-01-02"), it.Document.Issued)
		digest := sha256.Sum256(b)
		require.Equal(t, digest[:], it.Document.Digest)
		require.Equal(t, b, read(t, p.Vault, it.ID))
		require.Equal(t, it, item(t, p.Vault, it.ID))
		report, err := p.Vault.Control(t.Context(), it.ID)
		require.NoError(t, err)
		require.True(t, report.Intact)
		m, err := p.Vault.Metadata(t.Context(), it.ID)
		require.NoError(t, err)
		require.Len(t, m.Parts, (size+uploadPart-1)/uploadPart)
		for range 40 {
			from := rand.IntN(size + 1)
			n := rand.IntN(size - from + 1)
			c, err := p.Vault.ReadDocumentRange(t.Context(), it.ID, int64(from), int64(n))
			require.NoError(t, err)
			got, err := io.ReadAll(c)
			require.NoError(t, err)
			require.Equal(t, b[from:from+n], got)
			require.NoError(t, c.Close())
		}
		requireSound(t, w.Stage, p)
		settle(t, w.Stage)
		requireTidy(t, w.Stage, w.blobs, p.Vault.ID())
	}
}

// The lengths of the parts show no more than that of one blob would.
func TestPartsShowOnlyTheSizeClassOfTheWhole(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	lengths := map[int][]int64{}
	for _, size := range []int{uploadPart + 1, uploadPart + 9000, 3*uploadPart + 1, 3*uploadPart + 20_000} {
		it := uploaded(t, s.v, vault.NewDocument{Name: "x"}, content(1, size))
		m, err := s.v.Metadata(t.Context(), it.ID)
		require.NoError(t, err)
		var padded int64
		for _, p := range m.Parts {
			lengths[size] = append(lengths[size], p.Length)
			segments := (p.Length - 40 + segment - 1) / segment
			padded += p.Length - 40 - 16*segments
		}
		require.Equal(t, seal.PaddedSize(int64(size)), padded)
	}
	require.Equal(t, lengths[uploadPart+1], lengths[uploadPart+9000])
	require.Equal(t, lengths[3*uploadPart+1], lengths[3*uploadPart+20_000])
}

// The connection breaks wherever it likes; what was whole of it stays, and another
// process goes on.
func TestAnUploadGoesOnWhereItBrokeOff(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	other := s.person.SignIn(t, s.Another(t, nil))
	b := content(1, 4*uploadPart+1234)
	u := begin(t, s.v, vault.NewDocument{Name: "Carte"}, len(b))
	cut := errors.New("the line was cut")
	for turn := 0; u.Offset < u.Size; turn++ {
		v := []*vault.Vault{s.v, other}[turn%2]
		now, err := v.Upload(t.Context(), u.ID)
		require.NoError(t, err)
		require.Equal(t, u.Offset, now.Offset, "both processes know how far it is")
		until := int(now.Offset) + rand.IntN(len(b)-int(now.Offset))
		if turn > 12 {
			until = len(b)
		}
		from := io.Reader(bytes.NewReader(b[now.Offset:]))
		if until < len(b) {
			from = brokenAfter(b[now.Offset:until], cut)
		}
		after, err := v.AppendUpload(t.Context(), u.ID, now.Offset, from)
		if until < len(b) {
			require.ErrorIs(t, err, cut)
			require.EqualValues(t, until/uploadPart*uploadPart, after.Offset, "whole parts, all of them")
		} else {
			require.NoError(t, err)
		}
		u = after
	}
	it := finish(t, other, u)
	require.Equal(t, b, read(t, s.v, it.ID))
}

func TestAnUploadSurvivesARestartAndASession(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	b := content(1, 2*uploadPart+5)
	u := begin(t, s.v, vault.NewDocument{Name: "Carte"}, len(b))
	u, err := s.v.AppendUpload(t.Context(), u.ID, 0, bytes.NewReader(b[:uploadPart]))
	require.NoError(t, err)
	require.EqualValues(t, uploadPart, u.Offset)
	require.NoError(t, s.person.SignIn(t, s.Stage).EndOtherSessions(t.Context()))
	_, err = s.v.AppendUpload(t.Context(), u.ID, u.Offset, bytes.NewReader(b[u.Offset:]))
	require.ErrorIs(t, err, vault.ErrSessionEnded)
	v := s.person.SignIn(t, s.restart(t))
	u, err = v.Upload(t.Context(), u.ID)
	require.NoError(t, err)
	require.EqualValues(t, uploadPart, u.Offset)
	it := finish(t, v, send(t, v, u, b))
	require.Equal(t, b, read(t, v, it.ID))
}

func TestOnlyWholePartsAreTaken(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	b := content(1, 2*uploadPart+5)
	u := begin(t, s.v, vault.NewDocument{Name: "Carte"}, len(b))
	_, err := s.v.AppendUpload(t.Context(), u.ID, 0, bytes.NewReader(b[:100]))
	requireInvalid(t, err, "body")
	same, err := s.v.AppendUpload(t.Context(), u.ID, 0, bytes.NewReader(nil))
	require.NoError(t, err)
	require.Equal(t, u, same, "nothing came, nothing happened")
	u, err = s.v.AppendUpload(t.Context(), u.ID, 0, bytes.NewReader(b[:uploadPart+100]))
	require.NoError(t, err)
	require.EqualValues(t, uploadPart, u.Offset)
	_, err = s.v.AppendUpload(t.Context(), u.ID, u.Offset, bytes.NewReader(append(slices.Clone(b[u.Offset:]), 1)))
	requireInvalid(t, err, "size")
	u, err = s.v.Upload(t.Context(), u.ID)
	require.NoError(t, err)
	require.EqualValues(t, 2*uploadPart, u.Offset, "the last part was not kept")
	require.Equal(t, b, read(t, s.v, finish(t, s.v, send(t, s.v, u, b)).ID))
}

func TestAnUploadIsAskedForItsSizeAndHasOne(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	for _, size := range []int64{0, -1, seal.MaxStream + 1} {
		_, err := s.v.BeginUpload(t.Context(), vault.NewDocument{Name: "x", Size: size})
		requireInvalid(t, err, "size")
	}
	_, err := s.v.BeginUpload(t.Context(), vault.NewDocument{Size: 1})
	requireInvalid(t, err, "name")
	_, err = s.v.BeginUpload(t.Context(), vault.NewDocument{Name: "x", Size: 150_000_000})
	var full *quota.FullError
	require.ErrorAs(t, err, &full, "before a byte of it came")
}

func TestOfTwoWhoAppendAtOnceOneWins(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	other := s.person.SignIn(t, s.Another(t, nil))
	b := content(1, 3*uploadPart+10)
	u := begin(t, s.v, vault.NewDocument{Name: "Carte"}, len(b))
	var both sync.WaitGroup
	errs := make([]error, 2)
	ends := make([]vault.Upload, 2)
	for i, v := range []*vault.Vault{s.v, other} {
		both.Go(func() { ends[i], errs[i] = v.AppendUpload(t.Context(), u.ID, 0, bytes.NewReader(b)) })
	}
	both.Wait()
	for i, err := range errs {
		var at *vault.OffsetError
		if err != nil {
			require.ErrorAs(t, err, &at)
			require.GreaterOrEqual(t, at.Offset, ends[i].Offset, "it says from where to go on")
		}
	}
	now, err := s.v.Upload(t.Context(), u.ID)
	require.NoError(t, err)
	it := finish(t, s.v, send(t, other, now, b))
	require.Equal(t, b, read(t, s.v, it.ID))
	_, err = s.v.AppendUpload(t.Context(), u.ID, 0, bytes.NewReader(b))
	require.ErrorIs(t, err, vault.ErrOffset, "finished: it is at its end")
}

func TestFinishingAgainIsTheSameDocument(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	b := content(1, uploadPart+1)
	u := begin(t, s.v, vault.NewDocument{Name: "Carte"}, len(b))
	_, err := s.v.FinishUpload(t.Context(), u.ID)
	require.ErrorIs(t, err, vault.ErrOffset, "nothing came yet")
	require.Empty(t, papers(t, s.v), "and nothing is listed")
	u = send(t, s.v, u, b)
	it := finish(t, s.v, u)
	require.Equal(t, it, finish(t, s.v, u))
	now, err := s.v.Upload(t.Context(), u.ID)
	require.NoError(t, err)
	require.Equal(t, now.Size, now.Offset)
	require.ErrorIs(t, s.v.EndUpload(t.Context(), u.ID), vault.ErrNotFound, "it ends no document")
	require.Equal(t, []string{"Carte"}, papers(t, s.v))
	require.NoError(t, s.v.Destroy(t.Context(), it.ID, it.Revision))
	_, err = s.v.FinishUpload(t.Context(), u.ID)
	require.ErrorIs(t, err, vault.ErrNotFound, "nor does it bring one back")
}

// Begun in a space with just enough room, it is finished, whatever else comes.
func TestAnUploadThatWasBegunIsNeverFull(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p := w.Person(t)
	space, err := p.Vault.Space(t.Context())
	require.NoError(t, err)
	b := content(1, 6*uploadPart-7)
	u := begin(t, p.Vault, vault.NewDocument{Name: "Carte"}, len(b))
	left, err := p.Vault.Space(t.Context())
	require.NoError(t, err)
	require.Less(t, left.Left, space.Left-int64(len(b)))
	require.NoError(t, w.Store.Transact(t.Context(), func(tx *storage.Tx) error {
		return w.Quota.Charge(tx, p.Vault.ID().String(), left.Left) // and now everything is taken
	}))
	it := finish(t, p.Vault, send(t, p.Vault, u, b))
	require.Equal(t, b, read(t, p.Vault, it.ID))
	require.NoError(t, w.Store.Transact(t.Context(), func(tx *storage.Tx) error {
		return w.Quota.Charge(tx, p.Vault.ID().String(), -left.Left)
	}))
	requireBooks(t, w.Stage, p.Vault.ID())
}

func TestAnUploadThatStandsStillEndsWithEverythingOfIt(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p := w.Person(t)
	before, err := p.Vault.Space(t.Context())
	require.NoError(t, err)
	b := content(1, 2*uploadPart+5)
	u := begin(t, p.Vault, vault.NewDocument{Name: "Carte"}, len(b))
	w.Clock.Advance(23 * time.Hour)
	v := p.SignIn(t, w.Stage)
	u, err = v.AppendUpload(t.Context(), u.ID, 0, bytes.NewReader(b[:uploadPart]))
	require.NoError(t, err)
	w.Clock.Advance(23 * time.Hour)
	_, err = w.Sweep(t.Context())
	require.NoError(t, err)
	v = p.SignIn(t, w.Stage)
	_, err = v.Upload(t.Context(), u.ID)
	require.NoError(t, err, "a part keeps it for another day")
	require.Len(t, w.blobs.there(t), 1)
	w.Clock.Advance(2 * time.Hour)
	v = p.SignIn(t, w.Stage)
	_, err = v.AppendUpload(t.Context(), u.ID, u.Offset, bytes.NewReader(b[u.Offset:]))
	require.ErrorIs(t, err, vault.ErrUploadExpired)
	w.Clock.Advance(2 * time.Hour)
	report, err := w.Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, report.Uploads)
	require.Empty(t, w.blobs.there(t))
	v = p.SignIn(t, w.Stage)
	_, err = v.Upload(t.Context(), u.ID)
	require.ErrorIs(t, err, vault.ErrNotFound)
	after, err := v.Space(t.Context())
	require.NoError(t, err)
	require.Equal(t, before.Left, after.Left)
	requireBooks(t, w.Stage, v.ID())
}

func TestAnUploadIsGivenUpByItsMaker(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p := w.Person(t)
	before, err := p.Vault.Space(t.Context())
	require.NoError(t, err)
	b := content(1, 2*uploadPart+5)
	u := begin(t, p.Vault, vault.NewDocument{Name: "Carte"}, len(b))
	send(t, p.Vault, u, b)
	require.NoError(t, p.Vault.EndUpload(t.Context(), u.ID))
	require.ErrorIs(t, p.Vault.EndUpload(t.Context(), u.ID), vault.ErrNotFound)
	after, err := p.Vault.Space(t.Context())
	require.NoError(t, err)
	require.Equal(t, before.Left, after.Left, "at once")
	w.Clock.Advance(2 * time.Hour)
	_, err = w.Sweep(t.Context())
	require.NoError(t, err)
	require.Empty(t, w.blobs.there(t))
}

func TestOpenUploadsOfAVaultAreBounded(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	var last vault.Upload
	for range vault.MaxUploads {
		last = begin(t, s.v, vault.NewDocument{Name: "x"}, 10)
	}
	_, err := s.v.BeginUpload(t.Context(), vault.NewDocument{Name: "x", Size: 10})
	require.ErrorIs(t, err, vault.ErrTooMany)
	require.NoError(t, s.v.EndUpload(t.Context(), last.ID))
	begin(t, s.v, vault.NewDocument{Name: "x"}, 10)
}

func TestAFolderThatWasBinnedMeanwhileLeavesTheDocumentAtTheTop(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	f, err := s.v.AddFolder(t.Context(), "Papiers", vault.Place{Compartment: vault.Private})
	require.NoError(t, err)
	b := content(1, 100)
	one, two := begin(t, s.v, vault.NewDocument{Name: "one", Folder: f.ID}, 100), begin(t, s.v, vault.NewDocument{Name: "two", Folder: f.ID}, 100)
	it := finish(t, s.v, send(t, s.v, one, b))
	require.Equal(t, f.ID, it.Folder)
	require.NoError(t, s.v.Destroy(t.Context(), it.ID, 1))
	_, err = s.v.Bin(t.Context(), f.ID, f.Revision)
	require.NoError(t, err)
	it = finish(t, s.v, send(t, s.v, two, b))
	require.True(t, it.Folder.IsZero())
	require.Equal(t, vault.Private, it.Compartment)
}

func TestAClosedAccountTakesNoMoreParts(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	b := content(1, uploadPart+5)
	u := begin(t, s.v, vault.NewDocument{Name: "Carte"}, len(b))
	u, err := s.v.AppendUpload(t.Context(), u.ID, 0, bytes.NewReader(b[:uploadPart]))
	require.NoError(t, err)
	whole := send(t, s.v, begin(t, s.v, vault.NewDocument{Name: "whole"}, 10), b[:10])
	_, err = s.v.CloseAccount(t.Context(), s.person.Password)
	require.NoError(t, err)
	_, err = s.v.AppendUpload(t.Context(), u.ID, u.Offset, bytes.NewReader(b[u.Offset:]))
	require.ErrorIs(t, err, vault.ErrClosing)
	_, err = s.v.FinishUpload(t.Context(), whole.ID)
	require.ErrorIs(t, err, vault.ErrClosing)
	_, err = s.v.BeginUpload(t.Context(), vault.NewDocument{Name: "x", Size: 10})
	require.ErrorIs(t, err, vault.ErrClosing)
	require.NoError(t, s.v.Reopen(t.Context()))
	require.Equal(t, b, read(t, s.v, finish(t, s.v, send(t, s.v, u, b)).ID))
}

func TestAnErasedAccountLeavesNoUpload(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p := w.Person(t)
	b := content(1, uploadPart+5)
	u := begin(t, p.Vault, vault.NewDocument{Name: "Carte"}, len(b))
	_, err := p.Vault.AppendUpload(t.Context(), u.ID, 0, bytes.NewReader(b[:uploadPart]))
	require.NoError(t, err)
	_, err = p.Vault.Erase(t.Context(), p.Password)
	require.NoError(t, err)
	w.Clock.Advance(30 * time.Hour)
	for range 2 {
		_, err = w.Sweep(t.Context())
		require.NoError(t, err)
		w.Clock.Advance(3 * time.Hour)
	}
	require.Empty(t, w.blobs.there(t))
	left, err := w.Store.Scan(t.Context(), p.Vault.ID().String()+"/", "", 10)
	require.NoError(t, err)
	require.Len(t, left, 1, "the tombstone")
}

// A worker who may add sends what a person allowed them to, and the person goes on with
// their own alone; who holds the keys of Shared cannot write an upload in the person's name.
func TestAnUploadIsItsMakersAlone(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	grant := tn.follow(t, vault.ScopeAdd)
	worker, err := tn.open(t, grant)
	require.NoError(t, err)
	b := content(1, 2*uploadPart+9)
	theirs := begin(t, worker, vault.NewDocument{Name: "Attestation"}, len(b))
	mine := begin(t, tn.v, vault.NewDocument{Name: "Carte", Compartment: vault.Shared}, len(b))
	hidden := begin(t, tn.v, vault.NewDocument{Name: "secret", Compartment: vault.Private}, len(b))
	for _, id := range []vault.ItemID{mine.ID, hidden.ID} {
		_, err = worker.Upload(t.Context(), id)
		require.ErrorIs(t, err, vault.ErrNotFound)
		_, err = worker.AppendUpload(t.Context(), id, 0, bytes.NewReader(b))
		require.ErrorIs(t, err, vault.ErrNotFound)
		require.ErrorIs(t, worker.EndUpload(t.Context(), id), vault.ErrNotFound)
	}
	_, err = tn.v.FinishUpload(t.Context(), theirs.ID)
	require.ErrorIs(t, err, vault.ErrNotFound)
	it := finish(t, worker, send(t, worker, theirs, b))
	require.Equal(t, vault.Shared, it.Compartment)
	require.Equal(t, vault.ActorWorker, it.Origin.By.Kind)
	require.Equal(t, b, read(t, tn.v, it.ID))
	require.Equal(t, b, read(t, worker, it.ID))

	honest, err := tn.Store.Get(t.Context(), tn.v.ID().String()+"/u/"+mine.ID.String())
	require.NoError(t, err)
	forged, err := tn.v.ForgedUpload(t.Context(), mine.ID, "forged", seal.NewSigningKey())
	require.NoError(t, err)
	set(t, tn.Store, honest.Key, forged)
	_, err = tn.v.Upload(t.Context(), mine.ID)
	require.ErrorIs(t, err, vault.ErrTampered)
}

func TestAWithdrawnWorkerGoesOnWithNothing(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	grant := tn.follow(t, vault.ScopeAdd)
	worker, err := tn.open(t, grant)
	require.NoError(t, err)
	b := content(1, uploadPart+9)
	u := begin(t, worker, vault.NewDocument{Name: "Attestation"}, len(b))
	u, err = worker.AppendUpload(t.Context(), u.ID, 0, bytes.NewReader(b[:uploadPart]))
	require.NoError(t, err)
	inTheMiddle := &ending{Reader: bytes.NewReader(b[uploadPart:]), end: func() { require.NoError(t, tn.v.End(t.Context(), grant, nil)) }}
	_, err = worker.AppendUpload(t.Context(), u.ID, u.Offset, inTheMiddle)
	require.ErrorIs(t, err, vault.ErrEnded)
	_, err = worker.FinishUpload(t.Context(), u.ID)
	require.ErrorIs(t, err, vault.ErrEnded)
	tn.Clock.Advance(26 * time.Hour)
	_, err = tn.Sweep(t.Context())
	require.NoError(t, err)
	requireBooks(t, tn.Stage, tn.v.ID())
	require.Zero(t, usage(t, tn.Stage, tn.v.ID()).Reserved)
}

// ending does something before its first byte.
type ending struct {
	io.Reader
	end func()
}

func (e *ending) Read(p []byte) (int, error) {
	if e.end != nil {
		e.end()
		e.end = nil
	}
	return e.Reader.Read(p)
}

func TestADocumentOfSeveralPartsMovesAndIsReplacedAndDestroyed(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p := w.Person(t)
	b := content(1, 3*uploadPart+17)
	it := uploaded(t, p.Vault, vault.NewDocument{Name: "Film", Compartment: vault.Private}, b)
	it, err := p.Vault.Move(t.Context(), it.ID, it.Revision, vault.Shared)
	require.NoError(t, err)
	require.Equal(t, b, read(t, p.Vault, it.ID))
	requireBooks(t, w.Stage, p.Vault.ID())
	two := uploaded(t, p.Vault, vault.NewDocument{Name: "Film 2"}, b)
	require.NoError(t, p.Vault.ChangePassword(t.Context(), vault.ChangePassword{Old: p.Password, New: p.Password + " pela", KnownToOthers: true}))
	p.Password += " pela"
	require.Equal(t, b, read(t, p.Vault, two.ID), "sealed anew")
	two, err = p.Vault.ReplaceDocument(t.Context(), two.ID, two.Revision, vault.NewDocument{}, bytes.NewReader(b[:100]))
	require.NoError(t, err)
	require.Equal(t, b[:100], read(t, p.Vault, two.ID))
	three := uploaded(t, p.Vault, vault.NewDocument{Name: "Film 3"}, b)
	require.NoError(t, p.Vault.Destroy(t.Context(), three.ID, three.Revision))
	settle(t, w.Stage)
	requireTidy(t, w.Stage, w.blobs, p.Vault.ID())
	requireSound(t, w.Stage, p)
}

// The bin empties a full load of large films in commits that the store takes.
func TestTheBinEmptiesDocumentsOfManyParts(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p := w.Person(t)
	b := content(1, 5*uploadPart)
	for range 22 {
		it := uploaded(t, p.Vault, vault.NewDocument{Name: "Film"}, b)
		_, err := p.Vault.Bin(t.Context(), it.ID, it.Revision)
		require.NoError(t, err)
	}
	w.Clock.Advance(31 * 24 * time.Hour)
	v := p.SignIn(t, w.Stage)
	require.Empty(t, papers(t, v))
	settle(t, w.Stage)
	require.Empty(t, w.blobs.there(t))
}

// What a backup may need waits until it has it.
func TestABackupHoldsUploadsThatExpire(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p := w.Person(t)
	b := content(1, uploadPart+1)
	u := begin(t, p.Vault, vault.NewDocument{Name: "Film"}, len(b))
	_, err := p.Vault.AppendUpload(t.Context(), u.ID, 0, bytes.NewReader(b[:uploadPart]))
	require.NoError(t, err)
	rec, err := w.Store.Get(t.Context(), p.Vault.ID().String()+"/u/"+u.ID.String())
	require.NoError(t, err)
	require.Len(t, vault.StoredParts(rec), 1)
	w.Clock.Advance(26 * time.Hour)
	until := w.Clock.Now().Add(time.Hour)
	require.NoError(t, vault.HoldBlobs(t.Context(), w.Store, until))
	_, err = w.Sweep(t.Context())
	require.NoError(t, err)
	require.Len(t, w.blobs.there(t), 1)
	require.NoError(t, vault.ReleaseBlobs(t.Context(), w.Store, until))
	_, err = w.Sweep(t.Context())
	require.NoError(t, err)
	require.Empty(t, w.blobs.there(t))
}

// Whatever call of the store fails while an upload goes on, it is told; and going on
// from where it is makes the document, whole, once.
func TestWhateverFailsAnUploadGoesOn(t *testing.T) {
	t.Parallel()
	b := content(1, 2*uploadPart+9)
	for _, what := range faults[:3] {
		for n, reached := 1, true; reached && n < sized(40, 400); n += sized(5, 1) {
			reached = apart(t, what.name, n, func(t *testing.T) bool {
				w := newWatched(t, nil)
				p := w.Person(t)
				u := begin(t, p.Vault, vault.NewDocument{Name: "Carte"}, len(b))
				what.set(w, n)
				_, err := p.Vault.AppendUpload(t.Context(), u.ID, 0, bytes.NewReader(b))
				if err == nil {
					_, err = p.Vault.FinishUpload(t.Context(), u.ID)
				}
				reached := w.failed()
				w.heal()
				if err != nil {
					require.NotEmpty(t, vault.Code(err), "%v", err)
				}
				now, err := p.Vault.Upload(t.Context(), u.ID)
				require.NoError(t, err)
				if now.Offset < now.Size {
					now = send(t, p.Vault, now, b)
				}
				it := finish(t, p.Vault, now)
				require.Equal(t, b, read(t, p.Vault, it.ID))
				require.Equal(t, []string{"Carte"}, papers(t, p.Vault))
				settle(t, w.Stage)
				requireTidy(t, w.Stage, w.blobs, p.Vault.ID())
				requireSound(t, w.Stage, p)
				return reached
			})
		}
	}
}
