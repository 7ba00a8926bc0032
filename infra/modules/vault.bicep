metadata description = 'Key Vault: secrets of outbound connections, and the hash of the operator key.'

@description('Name of the vault.')
@minLength(3)
@maxLength(24)
param name string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Tier of the vault.')
@allowed([
  'standard'
  'premium'
])
param sku string

@description('Whether the vault can be reached over the public network (with Entra ID tokens), or through private endpoints only.')
@allowed([
  'Enabled'
  'Disabled'
])
param publicNetworkAccess string

@description('SHA-256 of the operator key, in lower-case hex.')
@secure()
param operatorKeySha256 string

@description('Workspace that keeps who read which secret.')
param workspaceId string

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  // checkov:skip=CKV_AZURE_189: public access is a parameter; without a private network only Entra ID tokens are taken
  // checkov:skip=CKV_AZURE_109: the firewall is a parameter (publicNetworkAccess); Flex instances outside a network have no fixed address
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: subscription().tenantId
    sku: {
      family: 'A'
      name: sku
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
    publicNetworkAccess: publicNetworkAccess
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: publicNetworkAccess == 'Enabled' ? 'Allow' : 'Deny'
    }
  }
}

resource operatorKey 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = {
  // checkov:skip=CKV_AZURE_41: an expiry would lock the operator out; rotation is in docs/runbook.md
  parent: vault
  name: 'operator-key-sha256'
  properties: {
    value: operatorKeySha256
    contentType: 'text/plain'
  }
}

resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: vault
  name: 'audit'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'AuditEvent'
        enabled: true
      }
    ]
  }
}

@description('Resource id of the vault.')
output id string = vault.id

@description('Name of the vault.')
output name string = vault.name

@description('Address of the vault, with a slash at its end.')
output uri string = vault.properties.vaultUri

@description('Where the hash of the operator key is kept: an address without a version, so that a new one is found.')
output operatorKeyUri string = operatorKey.properties.secretUri
