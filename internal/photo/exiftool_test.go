package photo_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testfiles"
)

// What another program still finds in a photo from a phone: how to turn it.
func TestExifToolFindsNoPlace(t *testing.T) {
	t.Parallel()
	tool := program(t, "exiftool")
	with := testfiles.Photo().Bytes()
	require.Contains(t, run(t, with, tool, "-s", "-G1", "-"), "GPSLatitude")
	without, turned := strip(t, with)
	require.Equal(t, 6, turned)
	found := run(t, without, tool, "-s", "-G1", "-EXIF:all", "-XMP:all", "-IPTC:all", "-Comment", "-")
	require.Regexp(t, `^\[IFD0\] +Orientation +: Rotate 90 CW\n$`, found)
	require.Equal(t, pixels(t, with), pixels(t, without))
}

func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrNotFound) && os.Getenv("RECONNECT_TEST_ALL") == "" {
		t.Skipf("%s is not on this machine", name)
	}
	require.NoError(t, err)
	return path
}

func run(t *testing.T, in []byte, name string, arguments ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), name, arguments...)
	c.Stdin = bytes.NewReader(in)
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}
