// Go's apns2 sends the job of argument 1; one JSON line: how many were accepted, in which time, for how much CPU.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sideshow/apns2"
	"github.com/sideshow/apns2/token"
	"golang.org/x/net/http2"
)

type job struct {
	Host     string          `json:"host"`
	Port     int             `json:"port"`
	CA       string          `json:"ca"`
	Key      string          `json:"key"`
	KeyID    string          `json:"key_id"`
	TeamID   string          `json:"team_id"`
	Topic    string          `json:"topic"`
	Payload  json.RawMessage `json:"payload"`
	InFlight int             `json:"in_flight"`
	Warm     int             `json:"warm"`
	Count    int             `json:"count"`
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func cpu() float64 {
	var usage syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(usage.Utime) + seconds(usage.Stime)
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	must(err)
	var work job
	must(json.Unmarshal(text, &work))
	key, err := token.AuthKeyFromFile(work.Key)
	must(err)
	pem, err := os.ReadFile(work.CA)
	must(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client := apns2.NewTokenClient(&token.Token{AuthKey: key, KeyID: work.KeyID, TeamID: work.TeamID})
	client.Host = fmt.Sprintf("https://%s:%d", work.Host, work.Port)
	client.HTTPClient = &http.Client{
		Transport: &http2.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}},
		Timeout:   60 * time.Second,
	}

	send := func(count int) int64 {
		var accepted, next atomic.Int64
		var workers sync.WaitGroup
		for range min(work.InFlight, count) {
			workers.Add(1)
			go func() {
				defer workers.Done()
				for {
					number := next.Add(1)
					if number > int64(count) {
						return
					}
					answer, err := client.Push(&apns2.Notification{
						DeviceToken: fmt.Sprintf("%064x", number*7919),
						Topic:       work.Topic,
						Payload:     []byte(work.Payload),
						PushType:    apns2.PushTypeBackground,
						Priority:    apns2.PriorityLow,
					})
					if err == nil && answer.Sent() {
						accepted.Add(1)
					}
				}
			}()
		}
		workers.Wait()
		return accepted.Load()
	}

	send(1)
	send(work.Warm)
	began, before := time.Now(), cpu()
	accepted := send(work.Count)
	line, err := json.Marshal(map[string]any{
		"accepted": accepted,
		"seconds":  time.Since(began).Seconds(),
		"cpu_s":    cpu() - before,
	})
	must(err)
	fmt.Println(string(line))
}
