// Everything a plugin in C++ needs: include this, write a class (see processor.h), say KSTREAMD_PLUGIN.
#pragma once
#include <kstreamd/sdk/config.h>
#include <kstreamd/sdk/context.h>
#include <kstreamd/sdk/errors.h>
#include <kstreamd/sdk/processor.h>
#include <kstreamd/sdk/value.h>
