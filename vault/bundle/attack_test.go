package bundle_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault/bundle"
	"reconnect.example/vault/vaulttest"
)

func TestWhatIsWrongWithABundleIsNamed(t *testing.T) {
	t.Parallel()
	raw := export(t, furnished(t, vaulttest.New(t, nil), 6).Vault)
	isPaper := func(e entry) bool { return strings.Contains(e.name, "/documents/") }
	first := func(all []entry, is func(entry) bool) int { return slices.IndexFunc(all, is) }
	named := func(name string) func(e entry) bool {
		return func(e entry) bool { return strings.HasSuffix(e.name, "/"+name) }
	}
	for what, c := range map[string]struct {
		change func(all []entry) []entry
		want   error
		file   string
	}{
		"a byte of a paper": {func(all []entry) []entry { all[first(all, isPaper)].data[100] ^= 1; return all }, bundle.ErrDamaged, "documents/"},
		"a byte of the items": {func(all []entry) []entry {
			i := first(all, named("bundle.json"))
			all[i].data = bytes.Replace(all[i].data, []byte("Guichet 3"), []byte("Guichet 4"), 1)
			return all
		}, bundle.ErrDamaged, "data/bundle.json"},
		"a byte of the list": {func(all []entry) []entry {
			d := all[first(all, named("manifest-sha256.txt"))].data
			d[0] = map[bool]byte{true: '1', false: '0'}[d[0] == '0']
			return all
		}, bundle.ErrDamaged, "manifest-sha256.txt"},
		"a paper is missing":           {func(all []entry) []entry { i := first(all, isPaper); return slices.Delete(all, i, i+1) }, bundle.ErrMissing, "documents/"},
		"the end is missing":           {func(all []entry) []entry { return all[:len(all)-1] }, bundle.ErrMissing, "tagmanifest-sha256.txt"},
		"the items are missing":        {func(all []entry) []entry { i := first(all, named("bundle.json")); return slices.Delete(all, i, i+1) }, bundle.ErrMissing, "data/bundle.json"},
		"it says not that it is a bag": {func(all []entry) []entry { i := first(all, named("bagit.txt")); return slices.Delete(all, i, i+1) }, bundle.ErrMissing, "bagit.txt"},
		"a paper was added": {func(all []entry) []entry {
			return append(all, entry{"reconnect/data/documents/private/x.pdf", []byte("x")})
		}, bundle.ErrExtra, "x.pdf"},
		"a program was added": {func(all []entry) []entry { return append(all, entry{"reconnect/OPEN ME.exe", []byte("x")}) }, bundle.ErrExtra, "OPEN ME.exe"},
		"a later version": {func(all []entry) []entry {
			i := first(all, named("bundle.json"))
			all[i].data = bytes.Replace(all[i].data, []byte(`"version": 1`), []byte(`"version": 2`), 1)
			return all
		}, bundle.ErrVersion, ""},
	} {
		err := refused(t, rezipped(t, raw, c.change), nil)
		require.ErrorIs(t, err, c.want, what)
		require.NotEmpty(t, bundle.Code(err), what)
		var all []string
		for _, f := range bundle.Named(err) {
			all = append(all, f.File)
		}
		require.Contains(t, strings.Join(all, "\n"), c.file, what)
		require.NotContains(t, err.Error(), "بطاقة", "the name of a paper is in no message")
	}
}

// The ZIP itself notices, too: also then the file is named.
func TestAPaperThatIsDamagedOnItsWayIsNamed(t *testing.T) {
	t.Parallel()
	raw := export(t, furnished(t, vaulttest.New(t, nil), 6).Vault)
	data, _ := paper(2)
	at := bytes.Index(raw, data)
	require.Positive(t, at)
	raw[at+50] ^= 1
	err := refused(t, raw, nil)
	require.ErrorIs(t, err, bundle.ErrDamaged)
	require.Len(t, bundle.Named(err), 1)
	require.Contains(t, bundle.Named(err)[0].File, "data/documents/")
}

// Every byte of the file counts: whatever single one is changed, nothing comes in, or
// what comes in is what was there.
func TestNoByteOfABundleCanBeChangedUnseen(t *testing.T) {
	t.Parallel()
	stage := vaulttest.New(t, nil)
	p := furnished(t, stage, 2)
	raw := export(t, p.Vault)
	want := inside(t, p.Vault)
	for range sized(100, 200) {
		at := rand.IntN(len(raw))
		spoilt := bytes.Clone(raw)
		spoilt[at] ^= 1 << rand.IntN(8)
		b, err := bundle.Open(t.Context(), bytes.NewReader(spoilt), int64(len(spoilt)), nil)
		if err != nil {
			require.NotEmpty(t, bundle.Code(err), "byte %d: %v", at, err)
			continue
		}
		fresh := stage.Person(t) // a date, or a flag, of the ZIP itself
		_, err = b.Import(t.Context(), fresh.Vault, nil)
		require.NoError(t, err, "byte %d", at)
		require.Equal(t, want, inside(t, fresh.Vault), "byte %d", at)
	}
	for range sized(20, 60) {
		short := raw[:rand.IntN(len(raw))]
		err := refused(t, short, nil)
		require.NotEmpty(t, bundle.Code(err), "cut at %d: %v", len(short), err)
	}
}

func TestPathsThatLeadOutAreRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"../x.pdf", "a/../../x.pdf", "/etc/passwd", `..\x.pdf`, `C:\x.pdf`, "C:x.pdf", "a//x.pdf", "./x.pdf", "a/./x.pdf",
		"a\x00.pdf", "a\n.pdf", strings.Repeat("a/", 20) + "x.pdf", strings.Repeat("a", 2000), "../dir/",
	} {
		err := refused(t, zipped(t, entry{"fine.pdf", []byte("x")}, entry{name, nil}), nil)
		require.ErrorIs(t, err, bundle.ErrPath, "%q", name)
		require.Equal(t, name, bundle.Named(err)[0].File)
	}
	for _, twice := range [][2]string{{"x.pdf", "x.pdf"}, {"x.pdf", "X.PDF"}, {"é.pdf", "e\u0301.pdf"}, {"straße", "STRASSE"}} {
		require.ErrorIs(t, refused(t, zipped(t, entry{twice[0], nil}, entry{twice[1], nil}), nil), bundle.ErrPath, "%q", twice)
	}
	for _, mode := range []fs.FileMode{fs.ModeSymlink, fs.ModeNamedPipe, fs.ModeDevice} {
		var out bytes.Buffer
		z := zip.NewWriter(&out)
		h := &zip.FileHeader{Name: "link"}
		h.SetMode(mode | 0o777)
		w, err := z.CreateHeader(h)
		require.NoError(t, err)
		_, err = io.WriteString(w, "/etc/passwd")
		require.NoError(t, err)
		require.NoError(t, z.Close())
		require.ErrorIs(t, refused(t, out.Bytes(), nil), bundle.ErrPath)
	}
}

// central is a ZIP of nothing but a list of entries, as its end says it, and as it is.
func central(says uint16, is int) []byte {
	header := make([]byte, 46, 47)
	copy(header, "PK\x01\x02")
	binary.LittleEndian.PutUint16(header[28:], 1)
	header = append(header, 'x')
	list := bytes.Repeat(header, is)
	end := make([]byte, 22)
	copy(end, "PK\x05\x06")
	binary.LittleEndian.PutUint16(end[10:], says)
	binary.LittleEndian.PutUint32(end[12:], uint32(len(list)))
	binary.LittleEndian.PutUint32(end[16:], 4)
	return slices.Concat([]byte("PK\x03\x04"), list, end)
}

func TestMillionsOfEntriesAreRefusedBeforeTheyTakeMemory(t *testing.T) { // not parallel: it counts what the whole process allocates
	lies := central(uint16(1_000_000%65536), 1_000_000)
	lies[len(lies)-22+10] = 5 // it says that there are a few
	lies[len(lies)-22+11] = 0
	zip64 := central(0xffff, 0)
	record := make([]byte, 56)
	copy(record, "PK\x06\x06")
	binary.LittleEndian.PutUint64(record[32:], 10_000_000)
	locator := make([]byte, 20)
	copy(locator, "PK\x06\x07")
	binary.LittleEndian.PutUint64(locator[8:], 4)
	zip64 = slices.Concat([]byte("PK\x03\x04"), record, locator, zip64[4:])
	for name, raw := range map[string][]byte{"says so": central(60_000, 60_000), "lies": lies, "ten million, as Zip64": zip64} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		require.ErrorIs(t, refused(t, raw, nil), bundle.ErrTooMany, name)
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(20<<20), name)
	}
}

func TestBombsAreRefused(t *testing.T) {
	t.Parallel()
	deep := zipped(t, entry{"zeros.pdf", make([]byte, 50<<20)})
	require.ErrorIs(t, refused(t, deep, nil), bundle.ErrBomb, "a thousand times larger")
	// It says that it is small. That is found out while it is read, and not before.
	z := bytes.Clone(deep)
	at := bytes.LastIndex(z, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(z[at+24:], 1000)
	err := refused(t, z, nil)
	require.True(t, bundle.Code(err) == "bundle-bomb" || bundle.Code(err) == "bundle-damaged", "%v", err)
	// Many entries that share the same bytes.
	var entries []entry
	for n := range 50 {
		entries = append(entries, entry{fmt.Sprint(n), bytes.Repeat([]byte{byte(n)}, 2000)})
	}
	shared := zipped(t, entries...)
	for at := 0; ; at++ {
		next := bytes.Index(shared[at:], []byte("PK\x01\x02"))
		if next < 0 {
			break
		}
		at += next
		binary.LittleEndian.PutUint32(shared[at+20:], uint32(len(shared)/10))
	}
	require.ErrorIs(t, refused(t, shared, nil), bundle.ErrBomb)
	many := zipped(t, entry{"a", make([]byte, 1000)}, entry{"b", make([]byte, 1000)})
	require.ErrorIs(t, refused(t, many, &bundle.Options{Limits: bundle.Limits{Bytes: 1500}}), bundle.ErrTooMany)
	require.ErrorIs(t, refused(t, many, &bundle.Options{Limits: bundle.Limits{Entries: 1}}), bundle.ErrTooMany)
}

func TestAZipWithAPasswordIsNamedAsOne(t *testing.T) {
	t.Parallel()
	raw := zipped(t, entry{"x.pdf", []byte("x")})
	raw[bytes.LastIndex(raw, []byte("PK\x01\x02"))+8] |= 1
	require.ErrorIs(t, refused(t, raw, nil), bundle.ErrEncrypted)
}

func TestWhatIsNothingKnownIsRefused(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"", "x", "%PDF-1.7 …", "PK\x03\x04", "PK\x05\x06", "BEGIN:VCARD", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "age-encryption.org/v1\n"} {
		require.NotEmpty(t, bundle.Code(refused(t, []byte(raw), nil)), "%q", raw)
	}
}

func TestALargeArchiveOfAnotherProgramOpens(t *testing.T) {
	t.Parallel()
	// Names in Arabic, as UTF-8 without the flag that says so; folders of their own; Zip64.
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	_, err := z.Create("أوراق/")
	require.NoError(t, err)
	w, err := z.CreateHeader(&zip.FileHeader{Name: "أوراق/عمل/بطاقة.pdf", NonUTF8: true, Method: zip.Deflate})
	require.NoError(t, err)
	_, err = w.Write(bytes.Repeat([]byte("%PDF-1.7\n"), 10))
	require.NoError(t, err)
	for n := range sized(100, 3000) {
		_, err := z.Create(fmt.Sprintf("%d.txt", n))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	b := open(t, out.Bytes())
	require.Equal(t, "folder", b.Format)
	require.Equal(t, sized(101, 3001), b.Len())
	require.Equal(t, []bundle.Remark{{Code: bundle.RemarkFlattened, Name: "أوراق/عمل"}}, b.Remarks)
}
