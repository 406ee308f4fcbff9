//go:build linux

package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

func startNginx(ctx context.Context, shop *workshop) (*contender, error) {
	program, err := fetched(ctx, "scripts/nginx")
	if err != nil {
		return nil, err
	}
	return shop.start(nil, func(address string) []string {
		config := filepath.Join(shop.dir, "nginx.conf")
		if err := os.WriteFile(config, []byte(nginxConfig(shop.dir, address, strings.TrimPrefix(shop.upstream.url, "http://"))), 0o600); err != nil {
			return []string{err.Error()} // no such program
		}
		return []string{program, "-c", config, "-p", shop.dir, "-e", "stderr"}
	})
}

// nginxConfig passes everything on over connections that are kept, and streams as they
// come.
func nginxConfig(dir, address, upstream string) string {
	return fmt.Sprintf(`daemon off; worker_processes auto; pid %[1]s/nginx.pid; error_log stderr warn;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 100000000;
  client_body_temp_path %[1]s/nginx-body; proxy_temp_path %[1]s/nginx-proxy; fastcgi_temp_path %[1]s/nginx-fastcgi; uwsgi_temp_path %[1]s/nginx-uwsgi; scgi_temp_path %[1]s/nginx-scgi;
  upstream up { server %[3]s; keepalive 512; keepalive_requests 100000000; }
  server {
    listen %[2]s;
    location / { proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }
  }
}
`, dir, address, upstream)
}

// startPortkey starts Portkey's gateway. It would listen at all addresses: the preloaded
// file keeps it on loopback.
func startPortkey(ctx context.Context, shop *workshop) (*contender, error) {
	program, err := fetched(ctx, "scripts/portkey")
	if err != nil {
		return nil, err
	}
	preload := filepath.Join(shop.dir, "loopback.cjs")
	const text = `const { Server } = require('net'), listen = Server.prototype.listen
Server.prototype.listen = function (port, ...rest) { return listen.call(this, { port: +port, host: '127.0.0.1' }, rest.find((a) => typeof a === 'function')) }
`
	if err := os.WriteFile(preload, []byte(text), 0o600); err != nil {
		return nil, err
	}
	c, err := shop.start([]string{"NODE_ENV=production"}, func(address string) []string {
		_, port, _ := net.SplitHostPort(address)
		return []string{"node", "--require", preload, program, "--headless", "--port=" + port}
	})
	if err == nil {
		c.header = map[string]string{"Authorization": "Bearer bench", "x-portkey-provider": "openai", "x-portkey-custom-host": shop.upstream.url + "/v1"}
	}
	return c, err
}

// startLiteLLM starts LiteLLM's proxy with so many workers; 0: one for each core.
func startLiteLLM(workers int) func(context.Context, *workshop) (*contender, error) {
	if workers == 0 {
		workers = runtime.NumCPU()
	}
	return func(ctx context.Context, shop *workshop) (*contender, error) {
		program, err := fetched(ctx, "scripts/litellm")
		if err != nil {
			return nil, err
		}
		config := filepath.Join(shop.dir, "litellm.yaml")
		text := fmt.Sprintf("model_list:\n- model_name: bench\n  litellm_params: {model: openai/bench, api_base: '%s/v1', api_key: bench}\ngeneral_settings: {master_key: sk-bench}\n", shop.upstream.url)
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			return nil, err
		}
		// It asks nobody for prices, and tells nobody that it runs.
		env := []string{"LITELLM_TELEMETRY=False", "LITELLM_LOCAL_MODEL_COST_MAP=True", "DO_NOT_TRACK=1"}
		c, err := shop.start(env, func(address string) []string {
			host, port, _ := net.SplitHostPort(address)
			return []string{program, "--config", config, "--host", host, "--port", port, "--num_workers", strconv.Itoa(workers)}
		})
		if err == nil {
			c.header = map[string]string{"Authorization": "Bearer sk-bench"}
		}
		return c, err
	}
}
