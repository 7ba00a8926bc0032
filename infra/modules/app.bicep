metadata description = 'The function app, on a Flex Consumption plan.'

@description('Name of the function app.')
param name string

@description('Name of its plan.')
param planName string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Tags of the function app itself, with azd-service-name.')
param appTags object

@description('Resource id of the identity under which it runs.')
param identityId string

@description('Client id of that identity.')
param identityClientId string

@description('Name of the Application Insights component.')
param componentName string

@description('Blob service of the storage account.')
param blobServiceUri string

@description('Queue service of the storage account.')
param queueServiceUri string

@description('Table service of the storage account.')
param tableServiceUri string

@description('Container of the deployment package.')
param packageContainer string

@description('Endpoint of Cosmos DB.')
param cosmosEndpoint string

@description('Name of the database.')
param cosmosDatabase string

@description('Name of the container.')
param cosmosContainer string

@description('Where the key vault keeps the hash of the operator key.')
param operatorKeyUri string

@description('Issuer of the Entra ID tokens that sign in beside API keys; empty for none.')
param entraIssuer string

@description('Audience of those tokens: the application id URI or client id of the API.')
param entraAudience string

@description('Where the issuer publishes its signing keys.')
param entraJwksUri string

@description('Claim of those tokens that holds the tenant id; empty for extension_tenantId.')
param entraTenantClaim string

@description('SMTP server that sends the mails of alerts; empty for none.')
param smtpHost string

@description('How it is spoken to: starttls (port 587), tls (465) or none (25).')
@allowed([
  'starttls'
  'tls'
  'none'
])
param smtpSecurity string

@description('Port of that server; empty for the usual one.')
param smtpPort string

@description('Who signs in to it, with the secret smtp-password of the key vault; empty for nobody.')
param smtpUser string

@description('Address that mails come from.')
param smtpSender string

@description('Where tickets of alerts are posted, with the secret tickets-token of the key vault; empty for nowhere.')
param ticketsUrl string

@description('Address of the key vault, where the operator puts the secrets of mails, tickets and webhooks.')
param vaultUri string

@description('Where the dashboard is served; mails link to it.')
param dashboardUrl string

@description('Origins whose pages may call the API.')
param allowedOrigins array

@description('Subnet for outbound traffic; empty for none.')
param subnetId string

@description('Whether instances are spread over availability zones.')
param zoneRedundant bool

@description('Memory of an instance in MB.')
@allowed([
  512
  2048
  4096
])
param instanceMemoryMB int

@description('Most instances a scale group (HTTP, and each queue and timer function) may have.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int

@description('HTTP requests that one instance handles at a time.')
@minValue(1)
@maxValue(1000)
param httpConcurrency int

@description('Instances that never sleep: objects of name (http, or function:<name>) and instanceCount.')
param alwaysReady array

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  // checkov:skip=CKV_AZURE_225: zone redundancy is a parameter
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
    zoneRedundant: zoneRedundant
  }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  // checkov:skip=CKV_AZURE_222: the API is public: tenants and the operator call it with keys of their own
  // checkov:skip=CKV_AZURE_17: API clients show a bearer key or an Entra ID token, not a certificate
  // checkov:skip=CKV_AZURE_212: Flex Consumption has no fixed instances; alwaysReady is the parameter
  // checkov:skip=CKV_AZURE_213: Flex Consumption replaces failed instances by itself and takes no health check path
  name: name
  location: location
  tags: appTags
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: 'Enabled'
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    functionAppConfig: {
      runtime: {
        name: 'python'
        version: '3.13'
      }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${blobServiceUri}${packageContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        alwaysReady: alwaysReady
        triggers: {
          http: {
            perInstanceConcurrency: httpConcurrency
          }
        }
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
      remoteDebuggingEnabled: false
      appSettings: [
        { name: 'AzureWebJobsStorage__blobServiceUri', value: blobServiceUri }
        { name: 'AzureWebJobsStorage__queueServiceUri', value: queueServiceUri }
        { name: 'AzureWebJobsStorage__tableServiceUri', value: tableServiceUri }
        { name: 'AzureWebJobsStorage__credential', value: 'managedidentity' }
        { name: 'AzureWebJobsStorage__clientId', value: identityClientId }
        { name: 'USAGE_STORAGE__queueServiceUri', value: queueServiceUri }
        { name: 'USAGE_STORAGE__tableServiceUri', value: tableServiceUri }
        { name: 'USAGE_STORAGE__credential', value: 'managedidentity' }
        { name: 'USAGE_STORAGE__clientId', value: identityClientId }
        { name: 'COSMOS_ENDPOINT', value: cosmosEndpoint }
        { name: 'COSMOS_DATABASE', value: cosmosDatabase }
        { name: 'COSMOS_CONTAINER', value: cosmosContainer }
        { name: 'OPERATOR_KEY_SHA256', value: '@Microsoft.KeyVault(SecretUri=${operatorKeyUri})' }
        { name: 'ENTRA_ISSUER', value: entraIssuer }
        { name: 'ENTRA_AUDIENCE', value: entraAudience }
        { name: 'ENTRA_JWKS_URI', value: entraJwksUri }
        { name: 'ENTRA_TENANT_CLAIM', value: entraTenantClaim }
        { name: 'SMTP_HOST', value: smtpHost }
        { name: 'SMTP_SECURITY', value: smtpSecurity }
        { name: 'SMTP_PORT', value: smtpPort }
        { name: 'SMTP_USER', value: smtpUser }
        { name: 'SMTP_PASSWORD', value: empty(smtpUser) ? '' : '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/smtp-password)' }
        { name: 'SMTP_SENDER', value: smtpSender }
        { name: 'TICKETS_URL', value: ticketsUrl }
        { name: 'TICKETS_TOKEN', value: empty(ticketsUrl) ? '' : '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/tickets-token)' }
        { name: 'WEBHOOK_SECRET', value: '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/webhook-secret)' }
        { name: 'DASHBOARD_URL', value: dashboardUrl }
        { name: 'APPLICATIONINSIGHTS_CONNECTION_STRING', value: component.properties.ConnectionString }
        { name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING', value: 'ClientId=${identityClientId};Authorization=AAD' }
        { name: 'APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL', value: 'true' } // the exporter tells Microsoft nothing of itself
      ]
      cors: {
        allowedOrigins: allowedOrigins
        supportCredentials: false
      }
    }
  }
}

resource ftpPublishing 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'ftp'
  properties: {
    allow: false
  }
}

resource scmPublishing 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'scm'
  properties: {
    allow: false
  }
}

@description('Name of the function app.')
output name string = app.name

@description('Where the API is served.')
output uri string = 'https://${app.properties.defaultHostName}'
