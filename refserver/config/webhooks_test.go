package config_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/config"
	"reconnect.example/refserver/webhooks"
)

func TestWhatIsWrongWithWebhooksIsSaidAtTheStart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "webhooks.yaml")
	secret := webhooks.NewSecret()
	write := func(url string) {
		require.NoError(t, os.WriteFile(path, []byte("- name: x\n  url: "+url+"\n  secrets: ["+secret+"]\n"), 0o600))
	}
	write("https://files.example.org/hook")
	c, err := config.Parse([]string{"--webhooks", path}, io.Discard)
	require.NoError(t, err)
	all, err := c.Endpoints()
	require.NoError(t, err)
	require.Len(t, all, 1)
	write("http://10.0.0.1/geheim")
	_, err = config.Parse([]string{"--webhooks", path}, io.Discard)
	require.ErrorContains(t, err, "--webhooks")
	require.NotContains(t, err.Error(), "geheim")
	require.NotContains(t, err.Error(), secret)
}
