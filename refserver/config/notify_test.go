package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/config"
	"reconnect.example/vault"
)

func TestRemindersGoWhereTheConfigurationSays(t *testing.T) {
	t.Parallel()
	n := config.Notify{SMTP: "smtps://ann:secret@mail.example.org:465", From: "no@espace.example", SMS: "https://gateway.example/send"}
	m, err := n.Messenger()
	require.NoError(t, err)
	require.True(t, m.Offers(vault.BySMS) && m.Offers(vault.ByEmail))
	m, err = (&config.Notify{}).Messenger()
	require.NoError(t, err)
	require.Nil(t, m)
}
