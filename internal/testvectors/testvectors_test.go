package testvectors

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAVectorTakesItsBaseAndChangesIt(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name+".txt"), []byte(text), 0o600))
	}
	write("whole", "kind: x\nexpect: success\nkey: 0a0b\nstream:\n AAEC\n Aw==\nrecord: a\n AA==\nrecord: b\n AQ==\nshows: one\nshows: two\n")
	write("cut", "base: whole\nexpect: open\ngone: a\nrecord: b\n Ag==\nchange: cut stream 1\nchange: flip stream 0\nchange: remove stream 1 1\nchange: append stream ff\n")

	all, err := Load(folder)
	require.NoError(t, err)
	whole, cut := all["whole"], all["cut"]
	require.Equal(t, "success", whole.Text("expect"))
	require.Equal(t, []byte{10, 11}, whole.Bytes("key"))
	require.Equal(t, []byte{0, 1, 2, 3}, whole.Bytes("stream"))
	require.Equal(t, []string{"one", "two"}, whole.Lines("shows"))

	require.Equal(t, "x", cut.Text("kind"))
	require.Equal(t, "open", cut.Text("expect"))
	require.Equal(t, []byte{1, 2, 0xff}, cut.Bytes("stream"))
	require.Equal(t, []Field{{"record", "b", []byte{2}}}, cut.All("record"))

	again, err := Parse("whole", whole.String())
	require.NoError(t, err)
	require.Equal(t, whole, again)

	write("stray", "base: nowhere\n")
	_, err = Load(folder)
	require.ErrorContains(t, err, `no base "nowhere"`)
}

func TestAChangeOutsideItsFieldIsRefused(t *testing.T) {
	t.Parallel()
	for _, change := range []string{"cut stream 9", "flip gone 0", "flip stream", "remove stream 1 9", "turn stream 1", "append stream zz"} {
		base := &Vector{Fields: []Field{{Name: "stream", Data: []byte{1, 2}}}}
		v := &Vector{Fields: []Field{{Name: "base", Line: "b"}, {Name: "change", Line: change}}}
		_, err := v.on(base)
		require.Error(t, err, change)
	}
}
