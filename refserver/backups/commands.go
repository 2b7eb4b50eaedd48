// Package backups has the operator's commands for backups and for putting one
// back. What they do is vault/backup's; here are the engines and the words.
package backups

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"reconnect.example/refserver/admin"
	"reconnect.example/refserver/config"
	"reconnect.example/refserver/progress"
	"reconnect.example/storage"
	"reconnect.example/storage/filestore"
	"reconnect.example/vault/backup"
)

// Commands reports whether a command is one of this package.
func Commands(command string) bool {
	return command == "restore" || strings.HasPrefix(command, "backup ")
}

// Run does one of the commands and prints what came of it; far says meanwhile how far it
// is, and may be nil.
func Run(ctx context.Context, c *config.Config, open admin.Open, out io.Writer, far *progress.Printer) error {
	switch c.Command {
	case "backup take":
		return take(ctx, c, open, out, far)
	case "backup list":
		return list(c.Backup.List.Folder, out)
	case "backup verify":
		return verify(ctx, c.Backup.Verify, out, saying(far))
	case "backup prune":
		return prune(ctx, c.Backup.Prune, out, saying(far))
	case "restore":
		return restore(ctx, c, out, saying(far))
	}
	return fmt.Errorf("no such command: %s", c.Command)
}

// saying tells a Printer how far something is.
func saying(far *progress.Printer) backup.Progress {
	return func(s backup.Step) { far.Say(s.What, s.Done, s.Of) }
}

// take asks the running server, which has the stores open, or does it itself.
func take(ctx context.Context, c *config.Config, open admin.Open, out io.Writer, far *progress.Printer) (err error) {
	folder, err := filepath.Abs(c.Backup.Take.Folder)
	if err != nil {
		return err
	}
	if err := apart(c.Data, folder); err != nil {
		return err
	}
	client, done, err := admin.Reach(ctx, c.Data, open)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	var b admin.BackedUp
	if err := admin.CallLong(client, "Operator.Backup", admin.BackupTo{Folder: folder}, &b, far); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "Backup %s holds %d records and %d documents (%d bytes) of %s.\n", b.Name, b.Records, b.Documents, b.Bytes, b.Taken.Format(time.RFC3339))
	if err == nil && !b.Witness {
		_, err = fmt.Fprintln(out, "The witness is elsewhere, and keeps itself.")
	}
	if err == nil {
		_, err = fmt.Fprintln(out, "The keys are not in it. Keep copies of service.key, operator.key and the other key files in another place, with other people.")
	}
	if err == nil && b.Damaged > 0 {
		err = fmt.Errorf("%d documents could not be copied: the store has lost or spoilt them; refserver backup verify names them", b.Damaged)
	}
	return err
}

// apart refuses to keep backups inside what they are a copy of.
func apart(data, folder string) error {
	data, err := filepath.Abs(data)
	if err != nil {
		return err
	}
	if rel, err := filepath.Rel(data, folder); err == nil && rel != ".." && !strings.HasPrefix(rel, "../") {
		return errors.New("a backup inside the data folder is lost with it; name a folder elsewhere, best on another disk")
	}
	return nil
}

func list(folder string, out io.Writer) error {
	names, err := backup.List(folder)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		_, err := fmt.Fprintln(out, "There is no backup in this folder.")
		return err
	}
	for _, name := range names {
		m, err := backup.ReadManifest(folder, name)
		if err != nil {
			_, _ = fmt.Fprintf(out, "%s  not whole\n", name)
			continue
		}
		if _, err := fmt.Fprintf(out, "%s  %d records, %d documents, %d bytes\n", name, m.Records.Records, m.Documents, m.Bytes); err != nil {
			return err
		}
	}
	return nil
}

func verify(ctx context.Context, v config.BackupVerify, out io.Writer, far backup.Progress) (err error) {
	name, err := choose(v.BackupOne)
	if err != nil {
		return err
	}
	documents, err := openDocuments(v.Folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, documents.Close()) }()
	m, err := backup.ReadManifest(v.Folder, name)
	if err != nil {
		return err
	}
	spoilt, err := backup.Verify(ctx, v.Folder, name, documents, far)
	if err != nil {
		return fmt.Errorf("backup %s: %w; take another backup", name, err)
	}
	for _, blob := range m.Damaged {
		_, _ = fmt.Fprintln(out, blob, "was lost or spoilt in the store before this backup")
	}
	if len(spoilt) == 0 {
		_, err = fmt.Fprintf(out, "Backup %s is whole: every record and every other document is as it was written.\n", name)
		return err
	}
	for _, blob := range spoilt {
		_, _ = fmt.Fprintln(out, blob, "is missing or spoilt in the backup")
	}
	if !v.Repair {
		return fmt.Errorf("%d copies of documents are missing or spoilt in backup %s; verify it with --repair, and then take another backup, which copies them again", len(spoilt), name)
	}
	deleted, err := backup.Repair(ctx, v.Folder, name, documents, spoilt, far)
	if err == nil {
		err = fmt.Errorf("%d spoilt copies are deleted; take another backup now, which copies these documents again", deleted)
	}
	return err
}

func prune(ctx context.Context, p config.BackupPrune, out io.Writer, far backup.Progress) (err error) {
	if p.Keep < 1 {
		return errors.New("--keep must be at least 1")
	}
	documents, err := openDocuments(p.Folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, documents.Close()) }()
	deleted, err := backup.Prune(ctx, p.Folder, documents, p.Keep, far)
	for _, name := range deleted {
		_, _ = fmt.Fprintln(out, "deleted", name)
	}
	if err == nil && len(deleted) == 0 {
		_, _ = fmt.Fprintln(out, "Nothing to delete.")
	}
	return err
}

// choose is the backup that is named, or the latest whole one.
func choose(one config.BackupOne) (string, error) {
	names, err := backup.List(one.Folder)
	if err != nil {
		return "", err
	}
	for i := len(names) - 1; i >= 0; i-- {
		if one.Name != "" && names[i] != one.Name {
			continue
		}
		m, err := backup.ReadManifest(one.Folder, names[i])
		if err == nil && one.Name == "" && m.Taken.After(time.Now().Add(time.Hour)) {
			// It would stay the latest for ever.
			return "", fmt.Errorf("backup %s is of the future, so a clock was wrong; name the backup that you want, of: refserver backup list %s", names[i], one.Folder)
		}
		if err == nil || one.Name != "" {
			return names[i], err
		}
	}
	if one.Name != "" {
		return "", fmt.Errorf("there is no backup %s in this folder; list them with: refserver backup list %s", one.Name, one.Folder)
	}
	return "", fmt.Errorf("there is no whole backup in %s", one.Folder)
}

// openDocuments opens the documents of a folder of backups, which must be there.
func openDocuments(folder string) (storage.Blobs, error) {
	path := filepath.Join(folder, backup.DocumentsName)
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("this is not a folder of backups: %w", err)
	}
	return filestore.Open(path, nil)
}
