metadata description = 'Serves the API under /api of the static web app, and keeps it open to API clients.'

@description('Name of the static web app.')
param webName string

@description('Address of the static web app.')
param webUri string

@description('Name of the function app.')
param appName string

resource site 'Microsoft.Web/staticSites@2024-04-01' existing = {
  name: webName
}

resource app 'Microsoft.Web/sites@2024-04-01' existing = {
  name: appName
}

resource backend 'Microsoft.Web/staticSites/linkedBackends@2024-04-01' = {
  parent: site
  name: 'api'
  properties: {
    backendResourceId: app.id
    region: app.location
  }
}

// Linking lets only the static web app in. API clients and the operator come with keys of their own, which our code checks.
resource authentication 'Microsoft.Web/sites/config@2024-04-01' = {
  // checkov:skip=CKV_AZURE_66: the check is of the section web; this is authsettingsV2
  // checkov:skip=CKV_AZURE_63: the check is of the section web; this is authsettingsV2
  // checkov:skip=CKV_AZURE_222: the API is public: tenants and the operator call it with keys of their own
  // checkov:skip=CKV_AZURE_80: a Python app has no .NET version
  // checkov:skip=CKV_AZURE_13: our code authenticates every request but the health check and the contract
  // checkov:skip=CKV_AZURE_88: Flex Consumption mounts no Azure Files
  // checkov:skip=CKV_AZURE_65: the check is of the section web; this is authsettingsV2
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: {
      enabled: true
    }
    globalValidation: {
      requireAuthentication: false
      unauthenticatedClientAction: 'AllowAnonymous'
    }
    identityProviders: {
      azureStaticWebApps: {
        enabled: true
        registration: {
          clientId: replace(webUri, 'https://', '')
        }
      }
    }
    httpSettings: {
      requireHttps: true
    }
  }
  dependsOn: [
    backend
  ]
}
