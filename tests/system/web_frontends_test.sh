#!/usr/bin/env bash
# Fifty Node processes that use @quintet/next at once: five connections, no error.
exec services/web/test --project gateway frontends
