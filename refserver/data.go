package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"reconnect.example/refserver/admin"
	"reconnect.example/refserver/config"
	"reconnect.example/refserver/demo"
	"reconnect.example/refserver/engines"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// openOperator is how the operator's commands reach the data when no server runs
// on the data folder.
func openOperator(c *config.Config) admin.Open {
	return func(ctx context.Context) (any, func() error, error) {
		data, err := engines.Open(ctx, c)
		if err != nil {
			return nil, nil, err
		}
		return admin.NewOperator(ctx, data, time.Now), data.Close, nil
	}
}

// nameSample names the authority of the sample relays for a command on a folder of
// --demo, where no other is named: so that it sees what the server there serves.
func nameSample(c *config.Config) error {
	if c.Authority != "" {
		return nil
	}
	key, err := demo.KnownAuthority(c.Data)
	if err == nil && key != nil {
		c.Authority = key.String()
	}
	return err
}

// inPlainWords says what an operator can do about an error of the start.
func inPlainWords(err error) string {
	advice := ""
	var named *engines.NamedError
	switch {
	case errors.As(err, &named):
		advice = "what " + named.Flag + " names cannot be used. Try the same settings with: refserver check"
	case errors.Is(err, storage.ErrInUse):
		advice = "another server uses this data folder already. Stop it first, or choose another folder with --data."
	case errors.Is(err, syscall.EADDRINUSE):
		advice = "another program listens on this address already. Stop it, or choose another with --listen, such as --listen 127.0.0.1:8081."
	case errors.Is(err, syscall.EACCES) && isListen(err):
		advice = "this address may not be used by this user. Choose a port above 1023 with --listen."
	case errors.Is(err, storage.ErrReadOnly), errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EROFS):
		advice = "the data folder cannot be written by this user. Give it to this user, or choose another with --data."
	case errors.Is(err, storage.ErrNoSpace), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EFBIG):
		advice = "the disk is full. Nothing that was stored is lost; make room and start again."
	case errors.Is(err, storage.ErrDamaged):
		advice = "a file of the data folder is damaged, and trying again does not help. Put the data folder back from a backup."
	case errors.Is(err, vault.ErrKeyService):
		advice = "without the key file nothing can be opened. Put it back as the message says."
	default:
		return err.Error()
	}
	return fmt.Sprintf("%s\n  (%v)", advice, err)
}
